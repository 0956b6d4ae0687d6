import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";
import type { SetupContext } from "./paths.ts";
import type { Step } from "./steps.ts";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
  readonly link?: boolean;
}
export type Lock = Readonly<Record<string, LockedPackage>>;

/** The npm packages of package-lock.json, installed without running their install scripts. */
export function npmStep({ root, cache }: SetupContext): Step {
  const modules = path.join(root, "node_modules");
  const stamp = path.join(modules, ".pantheros-lock");
  const wanted = () =>
    createHash("sha256")
      .update(readFileSync(path.join(root, "package-lock.json")))
      .digest("hex");
  return {
    name: "npm packages",
    after: [],
    description: "npm ci (20-60 s)",
    present() {
      if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted()) return "as in package-lock.json";
      const hidden = path.join(modules, ".package-lock.json");
      if (!existsSync(hidden)) return undefined;
      if (!installedAsLocked(packages(path.join(root, "package-lock.json")), packages(hidden)))
        return undefined;
      writeFileSync(stamp, wanted());
      return "as in package-lock.json (installed by npm before)";
    },
    async install() {
      await run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], {
        step: "npm packages",
        log: path.join(cache, "logs", "npm.log"),
        seconds: 900,
        cwd: root,
        hint: "is the npm registry reachable? `npm ping` checks it",
      });
      writeFileSync(stamp, wanted());
    },
  };
}

/**
 * Whether the installed tree, by npm's record of it, matches the lock file. Packages for other platforms are optional
 * and absent.
 */
export function installedAsLocked(locked: Lock, installed: Lock): boolean {
  const same = (name: string) =>
    locked[name]?.version === installed[name]?.version &&
    locked[name]?.integrity === installed[name]?.integrity;
  return (
    Object.keys(installed).every(same) &&
    Object.entries(locked).every(
      ([name, entry]) =>
        name === "" || name in installed || entry.optional === true || entry.devOptional === true,
    )
  );
}

function packages(file: string): Lock {
  return (JSON.parse(readFileSync(file, "utf8")) as { packages?: Lock }).packages ?? {};
}
