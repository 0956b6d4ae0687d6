/** Progress messages: the current step, its duration and what it waits for. */
export interface Steps {
  /**
   * Runs one step. Prints its name, a line every five seconds, and its end if it took over half a second.
   * The body reports its progress with `note`. A failure is printed with the step's name and thrown again.
   */
  run<T>(name: string, body: (note: (message: string) => void) => Promise<T>): Promise<T>;
  log(message: string): void;
  /** Seconds since the first step. */
  elapsed(): number;
}

const HEARTBEAT_MS = 5_000;

/** `write` gets one line without newline; `now` is a clock in milliseconds. */
export function createSteps(write: (line: string) => void, now: () => number = Date.now): Steps {
  const begin = now();
  const stamp = (): string => `[${((now() - begin) / 1000).toFixed(1).padStart(6)} s]`;
  const log = (message: string): void => write(`${stamp()} ${message}`);
  return {
    log,
    elapsed: () => (now() - begin) / 1000,
    async run(name, body) {
      const from = now();
      const seconds = (): string => ((now() - from) / 1000).toFixed(1);
      let doing = "";
      log(name);
      const heartbeat = setInterval(
        () => log(`${name}: ${seconds()} s${doing && `, ${doing}`}`),
        HEARTBEAT_MS,
      );
      try {
        const result = await body((message) => {
          doing = message;
          log(`${name}: ${message}`);
        });
        if (now() - from > 500) log(`${name}: done in ${seconds()} s`);
        return result;
      } catch (error) {
        log(`${name}: FAILED after ${seconds()} s`);
        throw error;
      } finally {
        clearInterval(heartbeat);
      }
    },
  };
}
