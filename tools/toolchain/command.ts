import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";

/** A step of set-up failed. The message has step, command, exit code, the end of the output and a hint. */
export class SetupError extends Error {
  constructor(step: string, command: string, outcome: string, detail: string, hint?: string) {
    const lines = [
      `${step}: ${command}: ${outcome}`,
      detail.trimEnd(),
      hint === undefined ? "" : `hint: ${hint}`,
    ];
    super(lines.filter((line) => line !== "").join("\n"));
    this.name = "SetupError";
  }
}

export interface CommandOptions {
  readonly step: string;
  /** File for stdout and stderr; the error shows its last lines. */
  readonly log: string;
  /** Seconds until the command is killed. */
  readonly seconds: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly hint?: string;
}

const SHOWN_LINES = 15;
const running = new Set<ChildProcess>();

/** Runs a command. Throws SetupError when it cannot start, fails or times out. */
export async function run(argv: readonly [string, ...string[]], options: CommandOptions): Promise<void> {
  mkdirSync(path.dirname(options.log), { recursive: true });
  const log = openSync(options.log, "w");
  const [program, ...args] = argv;
  let timedOut = false;
  const outcome = await new Promise<string | undefined>((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", log, log],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      env: options.env ?? process.env,
    });
    running.add(child);
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, options.seconds * 1000);
    const finish = (result: string | undefined) => {
      clearTimeout(timer);
      running.delete(child);
      resolve(result);
    };
    child.once("error", (error) => finish(`cannot start: ${error.message}`));
    child.once("exit", (code, signal) => {
      if (timedOut) finish(`timed out after ${options.seconds} s`);
      else finish(code === 0 ? undefined : code === null ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
  closeSync(log);
  if (outcome !== undefined) {
    const tail = readFileSync(options.log, "utf8").trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
    throw new SetupError(
      options.step,
      argv.join(" "),
      outcome,
      `${tail}\n(full output: ${options.log})`,
      options.hint,
    );
  }
}

/** First line of a short command's output; undefined when it fails or does not exist. */
export function firstLine(
  argv: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const [program, ...args] = argv;
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 20_000, env });
  return result.status === 0 ? (result.stdout.split("\n")[0] ?? "") : undefined;
}

/** Whether a program of this name is on PATH. */
export function onPath(program: string): boolean {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" }).status === 0;
}

/** Ends the running commands; for signal handlers. */
export function stopCommands(): void {
  for (const child of running) child.kill("SIGTERM");
}
