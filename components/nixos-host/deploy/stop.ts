/** Ends this program, and what it started, with whoever asked for it. */
import { stopAll } from "./runner.ts";

/** Milliseconds between looks at the parent. */
const parentPollMs = 2000;

/**
 * An end from outside, or an engine that is gone (killed): what was begun here does not go on, and nothing is confirmed
 * that nobody would record. The host goes back by itself.
 */
export function stopWithParent(name: string): void {
  const stop = (reason: string) => {
    process.stderr.write(`pantheros ${name}: ${reason}\n`);
    stopAll();
    process.exit(1);
  };
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop("what asked for it is gone");
  }, parentPollMs).unref();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));
}
