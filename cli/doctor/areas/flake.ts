/** The lock file of the flake that builds the hosts. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { NIX } from "../../../deployer/nix.ts";
import { CannotCheck, type Check, type Observation, type Problem } from "../../../lib/check.ts";
import { decodeReference } from "../../../lib/flake-reference.ts";
import { type DoctorContext, runProgram } from "../context.ts";

/** The directory of a local flake; undefined for any other reference. */
function flakeDirectory(reference: string, root: string): string | undefined {
  const [place = ""] = reference.split("?");
  if (place.startsWith("path:")) return path.resolve(root, decodeReference(place.slice(5)));
  return /^\.{0,2}\//.test(place) ? path.resolve(root, place) : undefined;
}

const lockFile = z.object({
  root: z.string(),
  nodes: z.record(z.string(), z.object({ inputs: z.record(z.string(), z.unknown()).optional() })),
});

/** Whether every input of the flake is locked. `overrides` replace locked inputs. */
function lockProblems(
  directory: string,
  text: string | undefined,
  { inputs, overrides }: { readonly inputs: readonly string[]; readonly overrides: readonly string[] },
): Problem[] {
  const why =
    "two runs of one commit could deploy different systems, and each run would fetch the inputs again";
  const fix = `nix flake lock ${directory}, and commit ${directory}/flake.lock`;
  const needed = inputs.filter((name) => !overrides.includes(name));
  if (needed.length === 0) return [];
  if (text === undefined) return [{ what: `${directory}/flake.lock does not exist`, why, fix }];
  let locked: readonly string[];
  try {
    const { root, nodes } = lockFile.parse(JSON.parse(text));
    locked = Object.keys(nodes[root]?.inputs ?? {});
  } catch {
    return [
      {
        what: `${directory}/flake.lock is not a lock file: it is damaged or has a conflict of a merge`,
        why: "Nix refuses it",
        fix: `git checkout HEAD -- ${directory}/flake.lock, or ${fix}`,
      },
    ];
  }
  const missing = needed.filter((name) => !locked.includes(name));
  if (missing.length === 0) return [];
  return [{ what: `${directory}/flake.lock has no entry for ${missing.join(", ")}`, why, fix }];
}

const names = z.array(z.string());

/** The inputs that flake.nix declares. */
async function declaredInputs(file: string): Promise<readonly string[]> {
  const expression = `builtins.attrNames ((import ${JSON.stringify(file)}).inputs or {})`;
  const ran = await runProgram([...NIX, "eval", "--impure", "--json", "--expr", expression]);
  if (ran.exitCode !== 0) throw new CannotCheck(`nix cannot read ${file}: ${ran.stderr.trim().slice(-300)}`);
  return names.parse(JSON.parse(ran.stdout));
}

/** Whether git has the lock file as it is. A directory outside of a work tree has no git to ask. */
async function commitProblems(directory: string): Promise<Observation[]> {
  const { exitCode, stdout } = await runProgram([
    "git",
    "-C",
    directory,
    "status",
    "--porcelain",
    "--",
    "flake.lock",
  ]);
  if (exitCode !== 0 || stdout.trim() === "") return [];
  return [
    {
      what: `${directory}/flake.lock is not committed`,
      why: "another checkout would deploy other systems",
      fix: `git add ${directory}/flake.lock && git commit`,
      level: "warning",
    },
  ];
}

export function flakeChecks({ settings, root }: DoctorContext): Check[] {
  const directory = flakeDirectory(settings.flake, root);
  return [
    {
      name: "lock file",
      run: async () => {
        if (directory === undefined)
          return [{ note: `${settings.flake} is not a local flake: its lock file is not read` }];
        const file = path.join(directory, "flake.nix");
        const inside = path.relative(root, directory);
        const shown = inside.startsWith("..") ? directory : inside || ".";
        if (!existsSync(file)) {
          return [
            {
              what: `${shown}/flake.nix does not exist`,
              why: "the hosts' systems are built from it",
              fix: `set pantheros:flake of the stack to the flake with the hosts' systems`,
            },
          ];
        }
        const inputs = await declaredInputs(file);
        const lock = path.join(directory, "flake.lock");
        const text = existsSync(lock) ? readFileSync(lock, "utf8") : undefined;
        const problems = lockProblems(shown, text, {
          inputs,
          overrides: Object.keys(settings.flakeOverrides),
        });
        return problems.length > 0 || text === undefined ? problems : commitProblems(directory);
      },
    },
  ];
}
