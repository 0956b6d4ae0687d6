import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { checkName } from "../network/names.ts";
import { waitFor } from "./wait.ts";

const MOUNT = "/sys/fs/cgroup";

/**
 * The hierarchies that systemd uses to tell processes apart: the one of a pure version 2 host, or `systemd` and
 * `unified` of a host that also has version 1. `exists` tells whether a path does.
 */
export function cgroupHierarchies(exists: (path: string) => boolean = existsSync): readonly string[] {
  if (exists(`${MOUNT}/cgroup.controllers`)) return [MOUNT];
  return [`${MOUNT}/systemd`, `${MOUNT}/unified`].filter((path) => exists(`${path}/cgroup.procs`));
}

/** Directory of a sandbox in a hierarchy. */
export function sandboxCgroup(hierarchy: string, sandbox: string): string {
  return join(hierarchy, `pantheros-${checkName("sandbox", sandbox)}`);
}

/** Directories of a machine, one in each hierarchy. */
export function machineCgroups(
  sandbox: string,
  machine: string,
  hierarchies: readonly string[] = cgroupHierarchies(),
): readonly string[] {
  return hierarchies.map((root) => join(sandboxCgroup(root, sandbox), checkName("machine", machine)));
}

function subdirectories(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

/** Every process in the cgroup and below it. */
export function cgroupProcesses(directory: string): readonly number[] {
  const below = subdirectories(directory).flatMap((child) => cgroupProcesses(child));
  try {
    const own = readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    return [...own, ...below];
  } catch {
    return below;
  }
}

/** Remove the empty cgroup with those below it; false when a process is left in one of them. */
function removeCgroup(directory: string): boolean {
  for (const child of subdirectories(directory)) removeCgroup(child);
  try {
    rmdirSync(directory);
  } catch {
    // Busy or gone: the look below tells.
  }
  return !existsSync(directory);
}

/**
 * End every process in these cgroups, at once and without asking them, and remove the cgroups. They hold what
 * this sandbox started and nothing else. False when something is still there after `seconds`.
 */
export async function clearCgroups(directories: readonly string[], seconds = 10): Promise<boolean> {
  const done = await waitFor(seconds, () => {
    for (const directory of directories) {
      for (const pid of cgroupProcesses(directory)) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // Ended by itself.
        }
      }
    }
    return directories.every(removeCgroup) ? true : undefined;
  });
  return done === true;
}

/** Directories of a sandbox's daemon; the underscore keeps them apart from machines. */
export function daemonCgroups(
  sandbox: string,
  daemon: string,
  hierarchies: readonly string[] = cgroupHierarchies(),
): readonly string[] {
  return hierarchies.map((root) => join(sandboxCgroup(root, sandbox), `_${daemon}`));
}

/** The sandbox's own directories, above those of its machines and daemons. */
export function sandboxCgroups(
  sandbox: string,
  hierarchies: readonly string[] = cgroupHierarchies(),
): readonly string[] {
  return hierarchies.map((root) => sandboxCgroup(root, sandbox)).filter((path) => existsSync(path));
}
