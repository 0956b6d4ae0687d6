import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  isAlive,
  type ProcessIdentity,
  readPidFile,
  signalProcess,
  writePidFile,
} from "../processes/identity.ts";
import { waitFor } from "../processes/wait.ts";

/** Seconds that a process gets to end after SIGTERM, and again after SIGKILL. */
const END_SECONDS = 3;

/** Ends a process with SIGTERM, then with SIGKILL. */
async function endProcess(identity: ProcessIdentity): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    if (!signalProcess(identity, signal)) return;
    if (await waitFor(END_SECONDS, () => (isAlive(identity) ? undefined : true))) return;
  }
}

interface ChildOptions {
  argv: [string, ...string[]];
  pidFile: string;
  logFile: string;
  /** Besides PATH and HOME. The rest of the environment is not passed on, since it has tokens. */
  env?: Record<string, string>;
}

export interface Child {
  /** Resolves with a description when the process ends. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts a server, and first ends one that a killed emulator left running. With `setpriv` the kernel ends
 * the new server together with this process.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { pidFile, logFile } = options;
  const previous = readPidFile(pidFile);
  if (previous !== undefined) await endProcess(previous);
  for (const file of [pidFile, logFile]) mkdirSync(dirname(file), { recursive: true });
  const log = openSync(logFile, "a", 0o600);
  const bound = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "TERM", "--"] : [];
  const [command = "", ...args] = [...bound, ...options.argv];
  const { PATH, HOME } = process.env;
  const child: ChildProcess = spawn(command, args, {
    stdio: ["ignore", log, log],
    env: { PATH, HOME, ...options.env },
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  if (child.pid === undefined) throw new Error(`cannot start ${options.argv[0]}: ${await ended}`);
  writePidFile(pidFile, child.pid);
  const stop = async () => {
    const running = readPidFile(pidFile);
    if (running !== undefined) await endProcess(running);
    await ended;
    rmSync(pidFile, { force: true });
  };
  return { ended, stop };
}

/** Waits until `ready` is true; rejects with the child's name when it ends or the time is over. */
export async function waitReady(
  child: Child,
  what: string,
  seconds: number,
  ready: () => Promise<boolean>,
): Promise<void> {
  let end: string | undefined;
  void child.ended.then((reason) => {
    end = reason;
  });
  const outcome = await waitFor(seconds, async () => {
    if (end !== undefined) return "ended";
    return (await ready().catch(() => false)) ? "ready" : undefined;
  });
  if (outcome === "ended") throw new Error(`${what} ended at its start: ${end}`);
  if (outcome === undefined) throw new Error(`${what} did not answer within ${seconds} s`);
}
