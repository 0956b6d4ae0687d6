/**
 * Runs one command: bounded, in a process group of its own, its output kept. The only place that starts what a deploy or an
 * install does; what the program itself asks is in ../child.ts.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readFileSync, truncateSync } from "node:fs";
import type { Writable } from "node:stream";

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  /** After this the whole process group gets SIGTERM, and SIGKILL 5 s later. */
  readonly timeoutSeconds: number;
  /** File in which something that it uses tells more: a failed command's stderr ends with it, and what it told is told once. */
  readonly log?: string | undefined;
  /** Bytes of stdout that are kept, and more end the command: it is an answer, of which a part is worth nothing. */
  readonly maxOutputBytes?: number | undefined;
  /** False: it stays in the caller's process group, so that an interrupt from a terminal reaches it, and a limit ends it alone. */
  readonly ownGroup?: boolean | undefined;
  /** May be run as one with others that differ from it in their last word only, see gather.ts. */
  readonly batchable?: boolean | undefined;
}

export interface CommandResult {
  /** null: ended by a signal, or never started. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** It said more than `maxOutputBytes`, and was ended. */
  readonly tooLong?: boolean | undefined;
}

export type Runner = (command: Command) => Promise<CommandResult>;

/** Of each stream only the end is kept, unless the command has a limit of its own: a build can say megabytes. */
const MAX_TEXT_CHARACTERS = 256 * 1024;
const KILL_AFTER_MS = 5000;

/** What runs now, as kill(2) takes it: a process group is its leader's number, negative. */
const running = new Set<number>();

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // already gone
  }
}

/** Is called with the number of a process group, and returns what to call when it has ended. */
type GroupTracker = (group: number) => () => unknown;

/**
 * `watched` is called before the command of a group begins. A program that is killed at any moment has therefore told of all
 * that it started.
 */
export const trackedRunner =
  (watched: GroupTracker): Runner =>
  (command) =>
    runOne(command, watched, true);

/** A runner, and what ends all that it has under way. */
export function stoppableRunner(): { readonly run: Runner; readonly stop: () => void } {
  const own = new Set<number>();
  const watched = (group: number) => {
    own.add(group);
    return () => own.delete(group);
  };
  return {
    run: (command) => runOne(command, watched),
    stop: () => {
      for (const group of own) signal(-group, "SIGKILL");
    },
  };
}

export const runProcess: Runner = (command) => runOne(command, () => () => {});

/** Begins the command when a line comes through descriptor 3; never when that is closed first. */
const heldStart = ["/bin/sh", "-c", 'read -r go <&3 && exec "$@" 3<&-', "sh"];

/** The text of a log, which is empty then; it may not be there yet. */
function takeLog(log: string): string {
  if (!existsSync(log)) return "";
  const text = readFileSync(log, "utf8").slice(-MAX_TEXT_CHARACTERS);
  truncateSync(log);
  return text;
}

/** `held`: the command begins after its group was told of. */
function runOne(command: Command, watched: GroupTracker, held = false): Promise<CommandResult> {
  return new Promise((resolve) => {
    startOne(command, watched, held, resolve);
  });
}

function startOne(
  command: Command,
  watched: GroupTracker,
  held: boolean,
  resolve: (ran: CommandResult) => void,
): void {
  const { maxOutputBytes, ownGroup = true } = command;
  const [program = "", ...args] = held ? [...heldStart, ...command.argv] : command.argv;
  const child = spawn(program, args, {
    detached: ownGroup, // leader of its own group, so that a timeout also ends what it started
    stdio: Array<"pipe">(held ? 4 : 3).fill("pipe"),
    env: { ...process.env, ...command.env },
  }) as ChildProcessWithoutNullStreams;
  const { pid } = child;
  const target = pid === undefined ? undefined : ownGroup ? -pid : pid;
  let stdout = "";
  let stderr = "";
  let timedOut = false;
  let tooLong = false;
  let forced: NodeJS.Timeout | undefined;
  const kill = () => {
    if (target !== undefined) signal(target, "SIGKILL");
    // What left its group may hold on to them.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const timer = setTimeout(() => {
    timedOut = true;
    if (target !== undefined) signal(target, "SIGTERM");
    forced = setTimeout(kill, KILL_AFTER_MS);
  }, command.timeoutSeconds * 1000);
  if (target !== undefined) running.add(target);
  const ended = pid === undefined || !ownGroup ? () => {} : watched(pid);
  const start = child.stdio[3] as Writable | null | undefined;
  start?.on("error", () => {}); // it may have ended already
  start?.end("\n");
  const end = (exitCode: number | null) => {
    clearTimeout(timer);
    clearTimeout(forced);
    if (target !== undefined) running.delete(target);
    ended();
    const more = exitCode === 0 || command.log === undefined ? "" : takeLog(command.log);
    if (tooLong) stderr += `\nmore than ${maxOutputBytes} bytes of output: ended`;
    const ran = { exitCode, timedOut, stdout, stderr: stderr + more };
    resolve(tooLong ? { ...ran, tooLong } : ran);
  };
  let bytes = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout = maxOutputBytes === undefined ? (stdout + text).slice(-MAX_TEXT_CHARACTERS) : stdout + text;
    bytes += Buffer.byteLength(text);
    if (maxOutputBytes === undefined || bytes <= maxOutputBytes || tooLong) return;
    tooLong = true;
    stdout = "";
    kill();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-MAX_TEXT_CHARACTERS);
  });
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(command.input ?? "");
  child.on("error", (error) => {
    stderr += error.message;
    end(null);
  });
  child.on("close", end);
}

/** Ends every command still running: for when this program is told to stop. */
export function stopAll(): void {
  for (const target of running) signal(target, "SIGKILL");
}
