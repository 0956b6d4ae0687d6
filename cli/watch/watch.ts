/** `pantheros watch`: the status again and again. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { FleetStatus } from "../../status/classify.ts";
import { EXIT_OK } from "../exit-codes.ts";
import { readFleet, type StatusOptions } from "../status/status.ts";
import { statusText } from "../status/text.ts";
import { frame } from "./frame.ts";
import { Screen } from "./screen.ts";

export interface WatchOptions extends Omit<StatusOptions, "report" | "only"> {
  /** Seconds between two reads. */
  readonly interval: number;
  /** Number of reads; without it until it is ended. */
  readonly count?: number | undefined;
}

/** Terminals that report no size. */
const COLUMNS = 80;
const ROWS = 24;

interface Reads {
  readonly read: () => Promise<FleetStatus>;
  readonly options: WatchOptions;
  readonly signal: AbortSignal;
}

/** Waits, unless it is ended meanwhile. */
const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);

/** Prints the whole status after each read: for a pipe, a file or `--json`. */
async function printAgain({ read, options, signal }: Reads): Promise<void> {
  for (let left = options.count ?? Infinity; left > 0 && !signal.aborted; left -= 1) {
    const found = await read();
    if (signal.aborted) return;
    process.stdout.write(
      options.json
        ? `${JSON.stringify(found)}\n`
        : `${found.at}\n${statusText(found, { stream: process.stdout })}\n`,
    );
    if (left > 1) await pause(options.interval, signal);
  }
}

/** Repaints the terminal after each read, each second for the age, and when its size changes. */
async function repaint({ read, options, signal }: Reads, end: () => void): Promise<void> {
  let status: FleetStatus | undefined;
  let problem: string | undefined;
  const { stdin: input, stdout: output } = process;
  const paint = () =>
    screen.paint(
      frame({
        ...{ status, problem, interval: options.interval, now: Date.now(), stream: output },
        columns: output.columns || COLUMNS,
        rows: output.rows || ROWS,
      }),
    );
  const screen = new Screen({ input, output }, end, paint);
  screen.open();
  const ages = setInterval(paint, 1000);
  try {
    paint();
    for (let left = options.count ?? Infinity; left > 0 && !signal.aborted; left -= 1) {
      // A state that cannot be read for a moment, as during a run, leaves the picture of before.
      const result = await Promise.race([
        read().then(
          (found) => ({ found }),
          (error: unknown) => ({ error }),
        ),
        new Promise<undefined>((done) =>
          signal.addEventListener("abort", () => done(undefined), { once: true }),
        ),
      ]);
      if (result === undefined) return;
      if ("found" in result) [status, problem] = [result.found, undefined];
      else problem = oneLine(messageOf(result.error));
      paint();
      await pause(options.interval, signal);
    }
  } finally {
    clearInterval(ages);
    screen.close();
  }
}

/** Shows the status until q, Ctrl-C or SIGTERM, and returns the exit code. */
export async function watch(options: WatchOptions, root: string): Promise<number> {
  const ending = new AbortController();
  const end = () => ending.abort();
  process.once("SIGINT", end).once("SIGTERM", end).once("SIGHUP", end);
  const quiet = { ...options, report: () => {} };
  const read = async () => (await readFleet(quiet, root)).status;
  const reads = { read, options, signal: ending.signal };
  // A wrong stack or selection is an error of the command, not of the picture.
  await readFleet({ ...quiet, ask: false }, root);
  await (process.stdout.isTTY && !options.json ? repaint(reads, end) : printAgain(reads));
  // A read that is under way must not delay the end.
  process.exit(EXIT_OK);
}
