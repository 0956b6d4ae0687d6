import { readdirSync, readFileSync, statSync } from "node:fs";

/** A process, with what shows where it belongs. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Its network namespace, as `device:inode`. */
  readonly network: string;
  readonly command: string;
}

/** `device:inode` of a namespace file (/run/netns/NAME, /proc/PID/ns/net); undefined when it is gone. */
export function namespaceId(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Every process of this computer with a readable network namespace (no kernel threads). */
export function listProcesses(): readonly ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): ProcessEntry[] => {
      const network = namespaceId(`/proc/${name}/ns/net`);
      if (network === undefined) return [];
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        return [{ pid: Number(name), parent, network, command }];
      } catch {
        return [];
      }
    });
}

/** The pids of a process and all its ancestors. */
export function ancestry(processes: readonly ProcessEntry[], pid: number): ReadonlySet<number> {
  const byPid = new Map(processes.map((entry) => [entry.pid, entry]));
  const chain = new Set<number>();
  for (
    let entry = byPid.get(pid);
    entry !== undefined && !chain.has(entry.pid);
    entry = byPid.get(entry.parent)
  ) {
    chain.add(entry.pid);
  }
  return chain;
}

/** Processes in one of the namespaces, without `self` and its ancestors. */
export function processesIn(
  processes: readonly ProcessEntry[],
  namespaces: ReadonlySet<string>,
  self: number,
): readonly ProcessEntry[] {
  const above = ancestry(processes, self);
  return processes.filter((entry) => namespaces.has(entry.network) && !above.has(entry.pid));
}

/** Parents of orphaned processes: init and systemd's user managers, prctl(2) PR_SET_CHILD_SUBREAPER. */
export function subreapers(processes: readonly ProcessEntry[]): ReadonlySet<number> {
  const managers = processes
    .filter(({ command }) => /^\S*\/systemd( |$)/.test(command))
    .map(({ pid }) => pid);
  return new Set([1, ...managers]);
}

/**
 * The processes whose parent is a subreaper, with all their descendants: what a killed run left. `spared` are
 * daemons, which have such a parent on purpose.
 */
export function orphans(
  processes: readonly ProcessEntry[],
  spared: ReadonlySet<number>,
  adopters: ReadonlySet<number>,
): readonly ProcessEntry[] {
  const orphaned = new Set(
    processes
      .filter((entry) => adopters.has(entry.parent) && !spared.has(entry.pid))
      .map((entry) => entry.pid),
  );
  for (let before = -1; before !== orphaned.size; ) {
    before = orphaned.size;
    for (const entry of processes) {
      if (orphaned.has(entry.parent) && !spared.has(entry.pid)) orphaned.add(entry.pid);
    }
  }
  return processes.filter((entry) => orphaned.has(entry.pid));
}
