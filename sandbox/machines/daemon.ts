import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { type ProcessIdentity, readPidFile, signalProcess, writePidFile } from "../processes/identity.ts";
import { waitFor } from "../processes/wait.ts";
import { clearCgroups } from "./cgroups.ts";

/** A program that keeps running after the process that started it. */
export interface Daemon {
  readonly argv: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly workingDirectory: string;
  readonly pidFile: string;
  readonly log: string;
  /** Its own cgroups: when it was killed, its children are found there. */
  readonly cgroups: readonly string[];
}

/** Enters the cgroups before `--`, then execs the program: every child starts inside of them. */
const ENTER_CGROUPS =
  'while [ "$1" != -- ]; do mkdir -p "$1" && echo "$$" >"$1/cgroup.procs" || exit 71; shift; done; shift; exec "$@"';

export function daemonCommand(daemon: Pick<Daemon, "argv" | "cgroups">): readonly string[] {
  return ["sh", "-c", ENTER_CGROUPS, "sh", ...daemon.cgroups, "--", ...daemon.argv];
}

export function daemonProcess(daemon: Pick<Daemon, "pidFile">): ProcessIdentity | undefined {
  return readPidFile(daemon.pidFile);
}

/** Starts the daemon in its own session, after ending what an earlier run left. */
export async function startDaemon(daemon: Daemon): Promise<void> {
  await clearCgroups(daemon.cgroups);
  mkdirSync(dirname(daemon.pidFile), { recursive: true });
  mkdirSync(dirname(daemon.log), { recursive: true });
  const log = openSync(daemon.log, "a", 0o600);
  const [program = "", ...args] = daemonCommand(daemon);
  const child = spawn(program, args, {
    detached: true,
    cwd: daemon.workingDirectory,
    env: daemon.environment,
    stdio: ["ignore", log, log],
  });
  child.on("error", () => {});
  child.unref();
  closeSync(log);
  if (child.pid !== undefined) writePidFile(daemon.pidFile, child.pid);
}

/** Sends SIGTERM, waits, then kills the daemon and all its children. */
export async function stopDaemon(
  daemon: Pick<Daemon, "pidFile" | "cgroups">,
  seconds = 10,
): Promise<boolean> {
  const process = readPidFile(daemon.pidFile);
  if (process !== undefined && signalProcess(process, "SIGTERM")) {
    await waitFor(seconds, () => (readPidFile(daemon.pidFile) === undefined ? true : undefined));
  }
  return clearCgroups(daemon.cgroups);
}
