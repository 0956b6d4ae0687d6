/** Ends this program and the commands that it started when the process that requested its work is gone. */
import { readFileSync } from "node:fs";
import { stopAll } from "./runner.ts";

/** Milliseconds between checks of that process. */
export const POLL_MS = 2000;

/**
 * Stops on a signal, or when `isOver` (the engine was killed). A deploy must not be confirmed when no state records it; the host
 * rolls back by itself.
 */
export function stopWhen(name: string, isOver: () => boolean): void {
  const stop = (reason: string) => {
    process.stderr.write(`pantheros ${name}: ${reason}\n`);
    stopAll();
    process.exit(1);
  };
  setInterval(() => {
    if (isOver()) stop("the process that requested it is gone");
  }, POLL_MS).unref();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));
}

export function stopWithParent(name: string): void {
  const parent = process.ppid;
  stopWhen(name, () => process.ppid !== parent);
}

/** Returns a check whether a process that runs now has ended since. */
export function exitCheck(pid: number): () => boolean {
  const startTime = startTimeOf(pid);
  return () => startTime === undefined || startTimeOf(pid) !== startTime;
}

/** A process's start in clock ticks, which differs for a later process with the same id; undefined when it does not run. */
export function startTimeOf(pid: number): string | undefined {
  try {
    // Fields after the name, which may contain blanks and parentheses: the state, and 19 fields later the start (proc_pid_stat(5)).
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state === "Z" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
