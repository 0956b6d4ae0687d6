import { readdirSync, readFileSync, statSync } from "node:fs";

/** A process as far as it matters who it belongs to. */
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

/** Every process of this computer that has a network namespace of its own to speak of (no kernel threads). */
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

/** The process and all above it. */
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

/** Processes in one of the namespaces, without `self` and what is above it. */
export function processesIn(
  processes: readonly ProcessEntry[],
  namespaces: ReadonlySet<string>,
  self: number,
): readonly ProcessEntry[] {
  const above = ancestry(processes, self);
  return processes.filter((entry) => namespaces.has(entry.network) && !above.has(entry.pid));
}

/** Processes that orphans are given to: init, and systemd's managers of users, prctl(2) PR_SET_CHILD_SUBREAPER. */
export function subreapers(processes: readonly ProcessEntry[]): ReadonlySet<number> {
  const managers = processes
    .filter(({ command }) => /^\S*\/systemd( |$)/.test(command))
    .map(({ pid }) => pid);
  return new Set([1, ...managers]);
}

/**
 * Of processes in a namespace those that lost their parent (a reaper took them), and all below them: what a killed
 * run left behind. `spared` are processes that are meant to stand alone.
 */
export function orphans(
  processes: readonly ProcessEntry[],
  spared: ReadonlySet<number>,
  adopters: ReadonlySet<number>,
): readonly ProcessEntry[] {
  const lost = new Set(
    processes
      .filter((entry) => adopters.has(entry.parent) && !spared.has(entry.pid))
      .map((entry) => entry.pid),
  );
  for (let before = -1; before !== lost.size; ) {
    before = lost.size;
    for (const entry of processes) {
      if (lost.has(entry.parent) && !spared.has(entry.pid)) lost.add(entry.pid);
    }
  }
  return processes.filter((entry) => lost.has(entry.pid));
}
