/**
 * Runs one command to its end: collects its output, reports lines while it runs, and kills its process
 * group when the run is cancelled.
 */
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

interface RunOptions {
  argv: [string, ...string[]];
  environment: NodeJS.ProcessEnv;
  directory?: string;
  stdin?: string;
  /** Called with each line of the streams that are to be logged. */
  line?: (text: string) => void;
  logStdout: boolean;
  logStderr: boolean;
  signal: AbortSignal;
}

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** Both, in the order of their arrival. */
  mixed: string;
  code: number | null;
  /** The signal that ended it, in Go's words ("killed", "terminated"). */
  killedBy?: string;
}

/** Bytes of a line from which on the official plugin hangs while logging is on. */
export const LONGEST_LOGGED_LINE = 64 * 1024;

/** Milliseconds between SIGTERM and SIGKILL for a cancelled command. */
const GRACE_MS = 2000;

const GO_SIGNALS: Record<string, string> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
};

/** Splits a stream into lines and notes a line that is too long. */
class Lines {
  readonly #decoder = new StringDecoder("utf8");
  readonly #emit: (text: string) => void;
  #rest = "";
  tooLong = 0;

  constructor(emit: (text: string) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    if (this.tooLong > 0) return;
    const parts = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) this.#line(part);
    if (Buffer.byteLength(this.#rest) >= LONGEST_LOGGED_LINE) this.tooLong = Buffer.byteLength(this.#rest);
  }

  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
  }

  #line(text: string): void {
    const size = Buffer.byteLength(text);
    if (size >= LONGEST_LOGGED_LINE) this.tooLong = size;
    else if (this.tooLong === 0) this.#emit(text.replace(/\r$/, ""));
  }
}

export function run({
  argv,
  environment,
  directory,
  stdin,
  line,
  logStdout,
  logStderr,
  signal,
}: RunOptions): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      env: environment,
      detached: true, // a process group of its own, which can be killed as a whole
      stdio: [stdin ? "pipe" : "ignore", "pipe", "pipe"],
      ...(directory !== undefined && { cwd: directory }),
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], mixed: [] as Buffer[] };
    const emit = line ?? (() => undefined);
    const lines = { stdout: new Lines(emit), stderr: new Lines(emit) };
    const collect = (stream: "stdout" | "stderr", logged: boolean) => (chunk: Buffer) => {
      output[stream].push(chunk);
      output.mixed.push(chunk);
      if (logged && line) lines[stream].push(chunk);
    };
    child.stdout?.on("data", collect("stdout", logStdout));
    child.stderr?.on("data", collect("stderr", logStderr));
    child.stdin?.on("error", () => undefined); // a command may end before it has read all of its input
    child.stdin?.end(stdin);

    const kill = (name: NodeJS.Signals) => {
      try {
        if (child.pid) process.kill(-child.pid, name);
      } catch {
        // The group has already ended.
      }
    };
    let last: NodeJS.Timeout | undefined;
    const cancel = () => {
      kill("SIGTERM");
      last = setTimeout(() => kill("SIGKILL"), GRACE_MS);
    };
    signal.addEventListener("abort", cancel, { once: true });

    const cleanUp = () => {
      signal.removeEventListener("abort", cancel);
      if (last) clearTimeout(last);
    };
    child.on("error", (error) => {
      cleanUp();
      reject(error);
    });
    child.on("close", (code, killed) => {
      cleanUp();
      lines.stdout.end();
      lines.stderr.end();
      if (signal.aborted) kill("SIGKILL"); // processes of the group that ignored SIGTERM
      const tooLong = Math.max(lines.stdout.tooLong, lines.stderr.tooLong);
      if (tooLong > 0) {
        reject(
          new Error(
            `the command printed a line of ${tooLong} bytes while logging is on; the official plugin 1.2.1 hangs; ` +
              'set logging: "none" or print shorter lines',
          ),
        );
        return;
      }
      const read = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
      resolve({
        stdout: read(output.stdout),
        stderr: read(output.stderr),
        mixed: read(output.mixed),
        code,
        ...(killed && { killedBy: GO_SIGNALS[killed] ?? killed }),
      });
    });
  });
}
