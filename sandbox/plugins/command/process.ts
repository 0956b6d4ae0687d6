/** Runs one command to its end: collects its output, passes lines on while it runs, kills its whole group on cancel. */
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

interface Run {
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

export interface Finished {
  stdout: string;
  stderr: string;
  /** Both, in the order in which they came. */
  mixed: string;
  code: number | null;
  /** Name of the signal that ended it, without "SIG" and in lower case as Go prints it ("killed", "terminated"). */
  killedBy?: string;
}

/** Longest line (bytes) the official plugin can log; it hangs for good on a longer one. */
export const LONGEST_LOGGED_LINE = 64 * 1024;

/** Milliseconds between asking a cancelled command to stop and killing it. */
const GRACE = 2000;

const GO_SIGNALS: Record<string, string> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
};

/** A line over this limit is an error here because the official plugin would wait forever. */
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
}: Run): Promise<Finished> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      env: environment,
      detached: true, // its own process group, so that all of it can be killed
      stdio: [stdin ? "pipe" : "ignore", "pipe", "pipe"],
      ...(directory === undefined ? {} : { cwd: directory }),
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
    child.stdin?.on("error", () => undefined); // a command may end without reading all of it
    child.stdin?.end(stdin);

    const kill = (name: NodeJS.Signals) => {
      try {
        if (child.pid) process.kill(-child.pid, name);
      } catch {
        // already gone
      }
    };
    let last: NodeJS.Timeout | undefined;
    const cancel = () => {
      kill("SIGTERM");
      last = setTimeout(() => kill("SIGKILL"), GRACE);
    };
    signal.addEventListener("abort", cancel, { once: true });

    const leave = () => {
      signal.removeEventListener("abort", cancel);
      if (last) clearTimeout(last);
    };
    child.on("error", (error) => {
      leave();
      reject(error);
    });
    child.on("close", (code, killed) => {
      leave();
      lines.stdout.end();
      lines.stderr.end();
      if (signal.aborted) kill("SIGKILL"); // whatever of the group ignored the first signal
      const tooLong = Math.max(lines.stdout.tooLong, lines.stderr.tooLong);
      if (tooLong > 0) {
        const reason = `it printed a line of ${tooLong} bytes while logging is on, on which the official plugin 1.2.1 hangs; set logging: "none" or print shorter lines`;
        reject(new Error(reason));
        return;
      }
      const read = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
      resolve({
        stdout: read(output.stdout),
        stderr: read(output.stderr),
        mixed: read(output.mixed),
        code,
        ...(killed ? { killedBy: GO_SIGNALS[killed] ?? killed } : {}),
      });
    });
  });
}
