/**
 * Removes the stack locks of Pulumi's file backend whose process is gone: `node locks.ts DIRECTORY`. A lock file has
 * {pid, username, hostname, timestamp} (pkg/backend/diy/lock.go). Locks of other machines stay, since their processes
 * cannot be checked from here.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";

export interface Lock {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly timestamp: string;
}

/** Parses a lock; undefined when the text is not a lock, such as one that a crash truncated. */
export function parseLock(text: string): Lock | undefined {
  try {
    const { pid, username, hostname, timestamp } = JSON.parse(text) as Partial<Lock>;
    if (typeof pid !== "number" || typeof hostname !== "string") return undefined;
    return { pid, hostname, username: String(username), timestamp: String(timestamp) };
  } catch {
    return undefined;
  }
}

/** Whether the lock's process is certainly gone. `programOf` returns the program name of a running process. */
export function isDead(lock: Lock, here: string, programOf: (pid: number) => string | undefined): boolean {
  return lock.hostname === here && programOf(lock.pid) !== "pulumi";
}

/** Program name of a running process; undefined when there is none, or a zombie. */
function programOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(stat) ?? [];
    return state === "Z" || state === "X" ? undefined : name;
  } catch {
    return undefined;
  }
}

function main(directory: string): void {
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".json"))) {
    const file = path.join(directory, name);
    const lock = parseLock(readFileSync(file, "utf8"));
    if (lock === undefined || !isDead(lock, hostname(), programOf)) continue;
    rmSync(file, { force: true });
    rmSync(`${file}.attrs`, { force: true });
    const { username, timestamp, pid } = lock;
    process.stderr.write(
      `tools/pulumi: removed the lock of ${username}'s process ${pid} (${timestamp}), which no longer runs\n`,
    );
  }
}

const [, script, directory] = process.argv;
if (script?.endsWith("locks.ts") && directory !== undefined) main(directory);
