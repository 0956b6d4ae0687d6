import { readFileSync, writeFileSync } from "node:fs";

const INSTANCES = "/proc/sys/fs/inotify/max_user_instances";

/** Enough for a hundred machines and root's other processes. */
const MIN_INSTANCES = 8192;

/**
 * Raises the inotify limit of the whole computer until its next boot; never lowers it. Each machine's systemd takes
 * about eight instances of root's, so the kernel's default of 128 is enough for 15 machines. Without the right to
 * raise it (in a container), the sandbox is limited to few machines.
 */
export function raiseInotifyLimit(file = INSTANCES): void {
  try {
    if (Number(readFileSync(file, "utf8")) < MIN_INSTANCES) writeFileSync(file, `${MIN_INSTANCES}\n`);
  } catch {
    // Read-only here; `limitHint` names this limit when a machine fails because of it.
  }
}

/** The remedy, when a machine's console shows that the limit was reached. */
export function limitHint(console: string): string | undefined {
  return /inotify.*Too many open files/.test(console)
    ? `too many machines for the kernel's limit; run as root: sysctl fs.inotify.max_user_instances=${MIN_INSTANCES}`
    : undefined;
}
