import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

/** Directories and versions of set-up; tools/env.sh sets them in the environment. */
export interface SetupContext {
  readonly root: string;
  readonly cache: string;
  readonly pulumiVersion: string;
  readonly nixVersion: string;
  readonly nixSuite: string;
  readonly servicesSuite: string;
  /** Node's name of the processor; the official downloads and npm packages use the same names. */
  readonly arch: "x64" | "arm64";
}

/** Reads the variables of tools/env.sh. Throws with the name of a missing one. */
export function readSetupContext(env: NodeJS.ProcessEnv, arch: string): SetupContext {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "")
      throw new Error(`${name} is not set: run this through tools/setup`);
    return value;
  };
  if (arch !== "x64" && arch !== "arm64")
    throw new Error(`unsupported processor ${arch}: set-up supports x64 and arm64`);
  return {
    arch,
    root: need("PANTHEROS_ROOT"),
    cache: need("PANTHEROS_CACHE"),
    pulumiVersion: need("PANTHEROS_PULUMI_VERSION"),
    nixVersion: need("PANTHEROS_NIX_VERSION"),
    nixSuite: need("PANTHEROS_NIX_SUITE"),
    servicesSuite: need("PANTHEROS_SERVICES_SUITE"),
  };
}

/**
 * Makes a folder atomically: `build` fills a temporary folder, which is renamed to the target when it is complete.
 * `removeStaleParts` removes what an interruption leaves.
 */
export async function buildAtomically(target: string, build: (part: string) => Promise<void>): Promise<void> {
  const part = `${target}.part-${process.pid}`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  await build(part);
  rmSync(target, { recursive: true, force: true });
  renameSync(part, target);
}

/** Removes the temporary folders of set-ups that no longer run. */
export function removeStaleParts(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = /\.part-(\d+)(\.log)?$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(path.join(directory, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
