import { readFileSync, writeFileSync } from "node:fs";

const INSTANCES = "/proc/sys/fs/inotify/max_user_instances";

/** A hundred machines and what else root runs. */
const MIN_INSTANCES = 8192;

/**
 * Each machine's systemd takes eight inotify instances or so, all of them root's: the kernel's default of 128 is enough for
 * 15 machines. Raised for the whole computer until its next boot, and never lowered. Where that is not allowed (in a
 * container) few machines run as before.
 */
export function raiseInotifyLimit(file = INSTANCES): void {
  try {
    if (Number(readFileSync(file, "utf8")) < MIN_INSTANCES) writeFileSync(file, `${MIN_INSTANCES}\n`);
  } catch {
    // Read-only here: `limitHint` tells when it was the cause.
  }
}

/** What to do about it where a machine's console tells of the limit. */
export function limitHint(console: string): string | undefined {
  return /inotify.*Too many open files/.test(console)
    ? `too many machines for this kernel's limit: as root, sysctl fs.inotify.max_user_instances=${MIN_INSTANCES}`
    : undefined;
}
