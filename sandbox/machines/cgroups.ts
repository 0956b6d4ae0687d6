import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { checkName } from "../network/names.ts";
import { waitFor } from "../processes/wait.ts";

const MOUNT = "/sys/fs/cgroup";

/**
 * The hierarchies in which systemd tracks processes: the only one of a pure version 2 system, or `systemd` and
 * `unified` of a system that also has version 1.
 */
export function cgroupHierarchies(exists: (path: string) => boolean = existsSync): readonly string[] {
  if (exists(`${MOUNT}/cgroup.controllers`)) return [MOUNT];
  return [`${MOUNT}/systemd`, `${MOUNT}/unified`].filter((path) => exists(`${path}/cgroup.procs`));
}

/** Directory of a sandbox in a hierarchy. */
function sandboxCgroup(hierarchy: string, sandbox: string): string {
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
    // Busy, or removed already: checked below.
  }
  return !existsSync(directory);
}

/**
 * Kills every process in these cgroups and removes the cgroups; they hold only what this sandbox started.
 * False when something is left after `seconds`.
 */
export async function clearCgroups(directories: readonly string[], seconds = 10): Promise<boolean> {
  const done = await waitFor(seconds, () => {
    for (const directory of directories) {
      for (const pid of cgroupProcesses(directory)) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended already.
        }
      }
    }
    return directories.every(removeCgroup) ? true : undefined;
  });
  return done === true;
}

/** Directories of a sandbox's daemon; no machine's name begins with an underscore. */
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
