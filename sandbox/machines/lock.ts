import { linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { formatIdentity, identify, readPidFile } from "../processes/identity.ts";
import { waitFor } from "../processes/wait.ts";

/** Another process held the lock until the timeout. */
export class LockedError extends Error {
  readonly path: string;
  readonly holder: number | undefined;

  constructor(path: string, holder: number | undefined, seconds: number) {
    super(
      `${path} is still held by ${holder === undefined ? "another process" : `process ${holder}`} after ${seconds} s`,
    );
    this.name = "LockedError";
    this.path = path;
    this.holder = holder;
  }
}

/**
 * Takes the lock without waiting; true on success. A lock whose owner is dead is taken over.
 * link(2) fails when the name exists, so two processes never both succeed.
 */
export function tryLock(path: string): boolean {
  const self = identify(process.pid);
  if (self === undefined) throw new Error("own process not found in /proc");
  mkdirSync(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, formatIdentity(self));
  try {
    linkSync(own, path);
    return true;
  } catch {
    return readPidFile(path) === undefined && takeOver(path, own);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Replaces a dead owner's lock. A second lock ensures that only one process does so. */
function takeOver(path: string, own: string): boolean {
  const guard = `${path}.takeover`;
  try {
    linkSync(own, guard);
  } catch {
    if (readPidFile(guard) === undefined && olderThan(guard, 5)) rmSync(guard, { force: true });
    return false;
  }
  try {
    // Another process may have taken it over before this one had the guard.
    if (readPidFile(path) !== undefined) return false;
    rmSync(path, { force: true });
    linkSync(own, path);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(guard, { force: true });
  }
}

function olderThan(path: string, seconds: number): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > seconds * 1000;
  } catch {
    return false;
  }
}

export function unlock(path: string): void {
  if (readPidFile(path)?.pid === process.pid) rmSync(path, { force: true });
}

/** Runs `body` under the lock, waiting up to `seconds` for it. `onWait` gets the holder's pid, once. */
export async function withLock<T>(
  path: string,
  seconds: number,
  body: () => Promise<T>,
  onWait: (holder: number | undefined) => void = () => {},
): Promise<T> {
  let reported = false;
  const taken = await waitFor(seconds, () => {
    if (tryLock(path)) return true;
    if (!reported) onWait(readPidFile(path)?.pid);
    reported = true;
    return undefined;
  });
  if (taken === undefined) throw new LockedError(path, readPidFile(path)?.pid, seconds);
  try {
    return await body();
  } finally {
    unlock(path);
  }
}
