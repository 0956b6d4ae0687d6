import { readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * A process, named so that a re-used pid is never taken for it: the pid, the start time of the kernel (clock
 * ticks since boot; field 22 of /proc/PID/stat, proc_pid_stat(5)) and the boot it ran in.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
}

/** Start time out of the text of /proc/PID/stat; undefined for a zombie, which no longer runs anything. */
export function startTimeOf(stat: string): string | undefined {
  // The second field is the command name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** One line: `pid started boot`. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.started} ${identity.boot}\n`;
}

/** Undefined for anything else than a whole line: a file cut off by a kill says nothing. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d+) (\d+) ([0-9a-f-]{36})\n$/.exec(text);
  const [, pid, started, boot] = match ?? [];
  if (pid === undefined || started === undefined || boot === undefined) return undefined;
  return { pid: Number(pid), started, boot };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The identity of a process that runs now; undefined when there is none with that pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = startTimeOf(readText(`/proc/${pid}/stat`) ?? "");
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim();
  return started === undefined || boot === undefined ? undefined : { pid, started, boot };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.started === identity.started && now.boot === identity.boot;
}

/** The living process a pid file names; undefined for a missing, broken or stale file. */
export function readPidFile(path: string): ProcessIdentity | undefined {
  const identity = parseIdentity(readText(path) ?? "");
  return identity !== undefined && isAlive(identity) ? identity : undefined;
}

export function writePidFile(path: string, pid: number): void {
  const identity = identify(pid);
  if (identity === undefined) rmSync(path, { force: true });
  else writeFileSync(path, formatIdentity(identity));
}

/** Signal exactly the process meant; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals | number): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}
