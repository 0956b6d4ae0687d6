import { spawn } from "node:child_process";
import { constants } from "node:os";

export interface StreamOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Seconds after which the program is asked to end, and a minute later made to. Absent: a person's own command. */
  readonly seconds?: number;
}

/** Run with our terminal; resolves with the exit code, 124 when it ran out of time. */
export function stream(argv: readonly string[], options: StreamOptions): Promise<number> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", cwd: options.cwd, env: options.env });
    let late = false;
    const timers: NodeJS.Timeout[] = [];
    if (options.seconds !== undefined) {
      const ask = () => {
        late = true;
        child.kill("SIGINT");
        timers.push(setTimeout(() => child.kill("SIGKILL"), 60_000));
      };
      timers.push(setTimeout(ask, options.seconds * 1000));
    }
    // The terminal's Ctrl-C reaches the child by itself; we stay to see how it ends. A SIGTERM is for us alone.
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
      resolve(late ? 124 : (code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  });
}
