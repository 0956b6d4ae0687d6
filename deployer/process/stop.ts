/** Ends this program, and what it started, with whoever asked for it. */
import { readFileSync } from "node:fs";
import { stopAll } from "./runner.ts";

/** Milliseconds between looks at who asked. */
export const POLL_MS = 2000;

/**
 * An end from outside, or an engine that is gone (killed): what was begun here does not go on, and nothing is confirmed
 * that nobody would record. The host goes back by itself.
 */
export function stopWhen(name: string, isOver: () => boolean): void {
  const stop = (reason: string) => {
    process.stderr.write(`pantheros ${name}: ${reason}\n`);
    stopAll();
    process.exit(1);
  };
  setInterval(() => {
    if (isOver()) stop("what asked for it is gone");
  }, POLL_MS).unref();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));
}

export function stopWithParent(name: string): void {
  const parent = process.ppid;
  stopWhen(name, () => process.ppid !== parent);
}

/** Tells, whenever it is asked, whether a process that runs now has ended. */
export function exitCheck(pid: number): () => boolean {
  const birth = startTimeOf(pid);
  return () => birth === undefined || startTimeOf(pid) !== birth;
}

/** When a process was started, in the kernel's ticks: tells it from a later one of the same number. undefined: there is none. */
export function startTimeOf(pid: number): string | undefined {
  try {
    // After the name, which may hold blanks and parentheses: the state, and 19 fields on the start (proc_pid_stat(5)).
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state === "Z" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
