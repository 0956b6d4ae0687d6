/** Reports what is being done, for how long, and what it waits for. */
export interface Steps {
  /**
   * One step: prints its name, a line every five seconds while it lasts, and its end when it took over half a
   * second. The body may say what it does now. A failure prints the step's name and passes on.
   */
  run<T>(name: string, body: (note: (message: string) => void) => Promise<T>): Promise<T>;
  log(message: string): void;
  /** Seconds since the first step. */
  elapsed(): number;
}

const HEARTBEAT = 5_000;

/** `write` takes one line without its end; `now` is a clock in milliseconds. */
export function createSteps(write: (line: string) => void, now: () => number = Date.now): Steps {
  const begin = now();
  const stamp = (): string => `[${((now() - begin) / 1000).toFixed(1).padStart(6)} s]`;
  const say = (message: string): void => write(`${stamp()} ${message}`);
  return {
    log: say,
    elapsed: () => (now() - begin) / 1000,
    async run(name, body) {
      const from = now();
      const seconds = (): string => ((now() - from) / 1000).toFixed(1);
      let doing = "";
      say(name);
      const heartbeat = setInterval(() => say(`${name}: ${seconds()} s${doing && `, ${doing}`}`), HEARTBEAT);
      try {
        const result = await body((message) => {
          doing = message;
          say(`${name}: ${message}`);
        });
        if (now() - from > 500) say(`${name}: done in ${seconds()} s`);
        return result;
      } catch (error) {
        say(`${name}: FAILED after ${seconds()} s`);
        throw error;
      } finally {
        clearInterval(heartbeat);
      }
    },
  };
}
