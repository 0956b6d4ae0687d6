import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onPath, run } from "./command.ts";
import { buildAtomically, type SetupContext } from "./paths.ts";
import type { Step } from "./steps.ts";

/** A virtual environment with the packages of tools/python/requirements.txt, which are pinned by hash. */
export function pythonStep({ root, cache }: SetupContext, after: readonly string[]): Step {
  const requirements = path.join(root, "tools/python/requirements.txt");
  const target = path.join(cache, "venv");
  const stamp = path.join(target, "requirements.txt");
  return {
    name: "python",
    after,
    description: "pip install of the S3 emulator and the vendors' Python clients (about 30 s)",
    present() {
      if (!existsSync(stamp) || !existsSync(path.join(target, "bin/python"))) return undefined;
      return readFileSync(stamp, "utf8") === readFileSync(requirements, "utf8")
        ? "as in requirements.txt"
        : undefined;
    },
    async install() {
      if (!onPath("python3"))
        throw new Error("python: python3 is not on PATH; install python3 and python3-venv");
      const log = (name: string) => path.join(cache, "logs", `python-${name}.log`);
      await buildAtomically(target, async (part) => {
        await run(["python3", "-m", "venv", part], {
          step: "python",
          log: log("venv"),
          seconds: 120,
          hint: "apt-get install python3-venv",
        });
        await run(
          [
            path.join(part, "bin/python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            requirements,
          ],
          { step: "python", log: log("pip"), seconds: 900 },
        );
        renameInScripts(part, target);
        writeFileSync(path.join(part, "requirements.txt"), readFileSync(requirements));
      });
    },
  };
}

/** Puts the final path into the scripts of a virtual environment (`#!/path/bin/python`) before it is renamed. */
function renameInScripts(part: string, target: string): void {
  for (const name of readdirSync(path.join(part, "bin"))) {
    const file = path.join(part, "bin", name);
    if (!lstatSync(file).isFile()) continue;
    const text = readFileSync(file, "latin1");
    if (text.includes(part)) writeFileSync(file, text.replaceAll(part, target), "latin1");
  }
}
