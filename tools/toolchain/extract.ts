import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { onPath, run } from "./command.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";

export const MIRROR_HINT = "is the Debian mirror reachable? PANTHEROS_DEBIAN_MIRROR sets a different one";

/** argv of mmdebstrap that unpacks Debian packages and their dependencies into `root`, without installing them. */
export function extractCommand(wanted: {
  readonly suite: string;
  readonly packages: readonly string[];
  readonly root: string;
}): [string, ...string[]] {
  const mirror = process.env["PANTHEROS_DEBIAN_MIRROR"];
  const options = [
    "--quiet",
    "--variant=extract",
    // A lagging mirror may have an expired index of a testing suite (after a week). Signatures are still checked.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    `--include=${wanted.packages.join(",")}`,
  ];
  return ["mmdebstrap", ...options, wanted.suite, wanted.root, ...(mirror === undefined ? [] : [mirror])];
}

/**
 * Environment with mmdebstrap and patchelf on PATH; unpacks them into the cache when they are missing.
 * `otherwise` is the remedy on a machine that is neither Debian nor Ubuntu.
 */
export async function extractionTools(
  setup: SetupContext,
  step: string,
  otherwise: string,
): Promise<NodeJS.ProcessEnv> {
  const missing = ["mmdebstrap", "patchelf"].filter((program) => !onPath(program));
  const folder = path.join(setup.cache, "debian-tools");
  const env = { ...process.env, PATH: `${path.join(folder, "usr/bin")}:${process.env["PATH"] ?? ""}` };
  if (missing.length === 0 || existsSync(folder)) return env;
  if (!onPath("apt-get")) {
    throw new Error(`${step}: this is not Debian or Ubuntu: ${otherwise}, or ${missing.join(" and ")}`);
  }
  await buildAtomically(folder, async (part) => {
    const options = { step, seconds: 300, cwd: part };
    const log = (name: string) => path.join(setup.cache, "logs", `${step.replaceAll(" ", "-")}-${name}.log`);
    await run(["apt-get", "download", ...missing], {
      ...options,
      log: log("download"),
      hint: "run apt-get update first",
    });
    for (const file of readdirSync(part).filter((name) => name.endsWith(".deb"))) {
      await run(["dpkg-deb", "--extract", file, "."], { ...options, log: log("extract") });
    }
  });
  return env;
}
