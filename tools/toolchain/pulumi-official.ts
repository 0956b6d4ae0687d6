import { createHash } from "node:crypto";
import { createWriteStream, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { firstLine, run } from "./command.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import { neededPlugins, type PulumiPlugin } from "./pulumi-plugins.ts";
import type { Step } from "./steps.ts";

type Release = Pick<SetupContext, "pulumiVersion" | "arch">;

const tarballName = ({ pulumiVersion, arch }: Release) => `pulumi-v${pulumiVersion}-linux-${arch}.tar.gz`;
const mirror = (env: NodeJS.ProcessEnv) => env["PANTHEROS_PULUMI_DOWNLOADS"]?.replace(/\/$/, "");

/** The CLI with the bundled language hosts. */
export function tarballUrl(release: Release, env: NodeJS.ProcessEnv): string {
  return `${mirror(env) ?? "https://get.pulumi.com/releases/sdk"}/${tarballName(release)}`;
}

/** SHA-256 sums of a release's files; published on GitHub, independent of the download server. */
export function checksumsUrl({ pulumiVersion }: Release, env: NodeJS.ProcessEnv): string {
  const release = `https://github.com/pulumi/pulumi/releases/download/v${pulumiVersion}`;
  return `${mirror(env) ?? release}/pulumi-${pulumiVersion}-checksums.txt`;
}

/** The sum of one file in the output of `sha256sum`. Throws when it is missing. */
export function checksumOf(name: string, text: string): string {
  for (const line of text.split("\n")) {
    const [, sum, file] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line.trim()) ?? [];
    if (file === name && sum !== undefined) return sum;
  }
  throw new Error(`pulumi: the published checksums do not name ${name}`);
}

export function officialCliStep(setup: SetupContext, because: string, env: NodeJS.ProcessEnv): Step {
  const target = path.join(setup.cache, `pulumi-official-${setup.pulumiVersion}`);
  return {
    name: "pulumi",
    after: [],
    description: `official ${setup.pulumiVersion} (${because}): downloading about 100 MB`,
    present() {
      const line = firstLine([path.join(target, "bin/pulumi"), "version"]);
      return line === `v${setup.pulumiVersion}` ? `official ${setup.pulumiVersion} (${because})` : undefined;
    },
    async install() {
      const sums = await (await get(checksumsUrl(setup, env), 60)).text();
      const wanted = checksumOf(tarballName(setup), sums);
      await buildAtomically(target, async (part) => {
        const archive = path.join(part, "pulumi.tar.gz");
        const body = (await get(tarballUrl(setup, env), 900)).body;
        if (body === null) throw new Error("pulumi: the download is empty");
        await pipeline(Readable.fromWeb(body), createWriteStream(archive));
        const sum = createHash("sha256").update(readFileSync(archive)).digest("hex");
        if (sum !== wanted)
          throw new Error(`pulumi: the download's SHA-256 is ${sum}, but ${wanted} is published`);
        const log = path.join(setup.cache, "logs", "pulumi-tar.log");
        await run(["tar", "--extract", "--gzip", "--file", archive, "--directory", part], {
          step: "pulumi",
          log,
          seconds: 120,
        });
        rmSync(archive);
        renameSync(path.join(part, "pulumi"), path.join(part, "bin"));
      });
    },
  };
}

/** The official provider plugins, in the versions of package.json, in Pulumi's plugin cache. */
export function officialPluginsStep(setup: SetupContext, env: NodeJS.ProcessEnv): Step {
  const pulumi = path.join(setup.cache, `pulumi-official-${setup.pulumiVersion}`, "bin/pulumi");
  const home = env["PULUMI_HOME"] ?? path.join(env["HOME"] ?? "/root", ".pulumi");
  const missing = () => neededPlugins(setup.root).filter((plugin) => !isInstalled(home, plugin));
  return {
    name: "pulumi plugins",
    after: ["npm packages", "pulumi"],
    description: "downloading the official provider plugins (1-3 minutes, about 1 GB on disk)",
    present: () => (missing().length === 0 ? `official, in ${home}/plugins` : undefined),
    async install() {
      for (const { name, version, server } of missing()) {
        const from = server === undefined ? [] : ["--server", server];
        await run([pulumi, "plugin", "install", "resource", name, version, ...from], {
          step: "pulumi plugins",
          log: path.join(setup.cache, "logs", `plugin-${name}.log`),
          seconds: 900,
          hint: "PANTHEROS_PULUMI=registry uses this repository's thin plugins instead",
        });
      }
    },
  };
}

/** Whether the plugin's folder exists without the marker of an interrupted download. */
function isInstalled(home: string, { name, version }: PulumiPlugin): boolean {
  const folder = path.join(home, "plugins", `resource-${name}-v${version}`);
  return existsSync(folder) && !existsSync(`${folder}.partial`);
}

async function get(url: string, seconds: number): Promise<Response> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(seconds * 1000) });
  if (!answer.ok) throw new Error(`pulumi: ${url} answers ${answer.status} ${answer.statusText}`);
  return answer;
}
