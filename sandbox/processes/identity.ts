import { readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * Identifies a process even when its pid is re-used: pid, start time (clock ticks since boot; field 22 of
 * /proc/PID/stat, proc_pid_stat(5)) and boot id.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
}

/** Start time from the text of /proc/PID/stat; undefined for a zombie, which no longer runs. */
export function startTimeOf(stat: string): string | undefined {
  // The second field is the command name in parentheses; it may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** One line: `pid started boot`. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.started} ${identity.boot}\n`;
}

/** Undefined for anything but one complete line, such as a file that a kill truncated. */
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

/** The identity of the running process with this pid; undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = startTimeOf(readText(`/proc/${pid}/stat`) ?? "");
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim();
  return started === undefined || boot === undefined ? undefined : { pid, started, boot };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.started === identity.started && now.boot === identity.boot;
}

/** The running process of a pid file; undefined for a missing, broken or stale file. */
export function readPidFile(path: string): ProcessIdentity | undefined {
  const identity = parseIdentity(readText(path) ?? "");
  return identity !== undefined && isAlive(identity) ? identity : undefined;
}

export function writePidFile(path: string, pid: number): void {
  const identity = identify(pid);
  if (identity === undefined) rmSync(path, { force: true });
  else writeFileSync(path, formatIdentity(identity));
}

/** Signals the process, never a later one with its pid; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals | number): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}
