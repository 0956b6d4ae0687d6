/**
 * Runs one command: bounded in time, in a process group of its own, with its output kept. Every command of a deploy or an install is
 * started here.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readFileSync, truncateSync } from "node:fs";
import type { Writable } from "node:stream";

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  /** Then the process group gets SIGTERM, and SIGKILL 5 s later. */
  readonly timeoutSeconds: number;
  /** A log file of something that the command uses. Its text is moved to the end of a failed command's stderr. */
  readonly log?: string | undefined;
  /** A command with a longer stdout is killed, for answers of which a part is useless. */
  readonly maxOutputBytes?: number | undefined;
  /** Called with each line of stderr as it is written. A line for which it returns true is not kept. */
  readonly takesLine?: ((line: string) => boolean) | undefined;
  /** False: the command stays in the caller's process group, so that Ctrl-C reaches it. A timeout then ends the command alone. */
  readonly ownGroup?: boolean | undefined;
  /** May run as one command with others that differ in the last argument only (deploy/batch.ts). */
  readonly batchable?: boolean | undefined;
}

export interface CommandResult {
  /** null when a signal ended it or it did not start. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** It was killed because stdout exceeded `maxOutputBytes`. */
  readonly tooLong?: boolean | undefined;
}

export type Runner = (command: Command) => Promise<CommandResult>;

/** Of each stream the end is kept, unless the command has a limit: a build can print megabytes. */
const MAX_TEXT_CHARACTERS = 256 * 1024;
const KILL_AFTER_MS = 5000;

/**
 * A target of kill(2) for each running command: its process id, or the negative id of its process
 * group.
 */
const running = new Set<number>();

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // it has ended already
  }
}

/** Called with the id of a process group; the returned function is called when the group has ended. */
type GroupTracker = (group: number) => () => unknown;

/**
 * `watched` is called before the command of a group starts, so a program that is killed at any moment has reported every group
 * that it started.
 */
export const trackedRunner =
  (watched: GroupTracker): Runner =>
  (command) =>
    runOne(command, watched, true);

/** A runner whose running commands `stop` kills. */
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

/**
 * Variables that Git sets for hooks. With them, git and Nix would read another repository.
 * tools/env.sh unsets the same ones, because a wrapper also runs programs that do not use this
 * runner. They are unset here too, because this runner's callers may start without a wrapper.
 */
const NO_GIT_HOOK = {
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_PREFIX: undefined,
};

/** Runs the command after a line on descriptor 3, and never when the descriptor is closed first. */
const heldStart = ["/bin/sh", "-c", 'read -r go <&3 && exec "$@" 3<&-', "sh"];

/** Splits text into lines; `keep` gets those for which `takes` returns false. */
function lineReader(takes: (line: string) => boolean, keep: (text: string) => void) {
  let begun = "";
  return {
    read: (text: string) => {
      const lines = (begun + text).split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) if (!takes(line)) keep(`${line}\n`);
    },
    end: () => keep(begun),
  };
}

/** Empties the log and returns its text. The file may not exist yet. */
function takeLog(log: string): string {
  if (!existsSync(log)) return "";
  const text = readFileSync(log, "utf8").slice(-MAX_TEXT_CHARACTERS);
  truncateSync(log);
  return text;
}

/** `held`: the command starts after `watched` was called. */
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
    detached: ownGroup, // it leads its group, so that a timeout also ends its children
    stdio: Array<"pipe">(held ? 4 : 3).fill("pipe"),
    env: { ...process.env, ...NO_GIT_HOOK, ...command.env },
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
    // A process that left the group may keep them open.
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
    lines?.end();
    const more = exitCode === 0 || command.log === undefined ? "" : takeLog(command.log);
    if (tooLong) stderr += `\nkilled: its output exceeds ${maxOutputBytes} bytes`;
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
  const keep = (text: string) => {
    stderr = (stderr + text).slice(-MAX_TEXT_CHARACTERS);
  };
  const lines = command.takesLine === undefined ? undefined : lineReader(command.takesLine, keep);
  child.stderr.setEncoding("utf8").on("data", lines?.read ?? keep);
  child.stdin.on("error", () => {}); // the command may end without reading it
  child.stdin.end(command.input ?? "");
  child.on("error", (error) => {
    stderr += error.message;
    end(null);
  });
  child.on("close", end);
}

/** Kills every running command. */
export function stopAll(): void {
  for (const target of running) signal(target, "SIGKILL");
}
