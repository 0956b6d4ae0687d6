import { spawn } from "node:child_process";
import { constants } from "node:os";

/** `stdout`: this terminal; `stderr`: everything to standard error, so that standard output is for JSON alone. */
export type Shown = "stdout" | "stderr";

export interface StreamOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Seconds until SIGINT; SIGKILL follows a minute later. Absent: no limit. */
  readonly seconds?: number;
  /** Where the program's standard output goes; `stdout` by default. */
  readonly shown?: Shown;
}

/** Runs a program on this terminal. Returns its exit code, 124 after a timeout. */
export function stream(argv: readonly string[], options: StreamOptions): Promise<number> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const out = options.shown === "stderr" ? 2 : 1;
    const child = spawn(program, args, { stdio: [0, out, 2], cwd: options.cwd, env: options.env });
    let timedOut = false;
    const timers: NodeJS.Timeout[] = [];
    if (options.seconds !== undefined) {
      const interrupt = () => {
        timedOut = true;
        child.kill("SIGINT");
        timers.push(setTimeout(() => child.kill("SIGKILL"), 60_000));
      };
      timers.push(setTimeout(interrupt, options.seconds * 1000));
    }
    // The terminal sends Ctrl-C to the child too: only wait for its end. A SIGTERM reaches this process alone.
    const onInterrupt = () => {};
    const onTerminate = () => child.kill("SIGINT");
    process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
    const finish = () => {
      timers.forEach(clearTimeout);
      process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
    };
    child.on("error", (error) => {
      finish();
      reject(error);
    });
    child.on("close", (code, signal) => {
      finish();
      resolve(timedOut ? 124 : (code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  });
}
