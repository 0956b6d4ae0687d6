import { spawn } from "node:child_process";

/** A command of a named step failed; the message has step, command, exit code, output and hint. */
export class StepError extends Error {
  readonly step: string;
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly hint: string | undefined;

  constructor(step: string, command: string, exitCode: number | undefined, detail: string, hint?: string) {
    const outcome = exitCode === undefined ? "did not finish" : `exit code ${exitCode}`;
    super(
      [`${step}: ${command}: ${outcome}`, detail.trim(), hint === undefined ? "" : `hint: ${hint}`]
        .filter((line) => line !== "")
        .join("\n"),
    );
    this.name = "StepError";
    this.step = step;
    this.command = command;
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

export interface CommandResult {
  /** 128 + signal number when ended by a signal, as in a shell. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Named in the error. */
  readonly step: string;
  readonly input?: string;
  /** Milliseconds until the command is killed; 30 s when absent. */
  readonly timeout?: number;
  readonly hint?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Quote an argv for a message or a POSIX shell. */
function shellQuote(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

/** Runs a command and returns any exit code. Throws StepError only when it cannot start or times out. */
export function attempt(argv: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("empty command");
  const timeout = options.timeout ?? 30_000;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.env !== undefined && { env: options.env }),
    });
    let stdout = "";
    let stderr = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeout);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // The program may end without reading its input.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new StepError(options.step, shellQuote(argv), undefined, error.message, options.hint));
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (timedOut) {
        const detail = `timed out after ${timeout / 1000} s\n${stderr}`;
        reject(new StepError(options.step, shellQuote(argv), undefined, detail, options.hint));
      } else {
        resolve({ code: code ?? (signal === "SIGKILL" ? 137 : 143), stdout, stderr });
      }
    });
  });
}

/** Runs a command, requires exit code 0 and returns stdout. */
export async function run(argv: readonly string[], options: CommandOptions): Promise<string> {
  const result = await attempt(argv, options);
  if (result.code !== 0) {
    throw new StepError(
      options.step,
      shellQuote(argv),
      result.code,
      result.stderr || result.stdout,
      options.hint,
    );
  }
  return result.stdout;
}
