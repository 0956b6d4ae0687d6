/** The files of runs: one for each, in `runs/STACK/` of the state directory, which only their owner can read. */
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { parseEvent, RUN_ID, type RunEvent } from "./contract.ts";

/** The newest runs that are kept, and the bytes that they may have together. */
const KEPT_RUNS = 2000;
const KEPT_BYTES = 128 * 1024 * 1024;

/** A larger file gets results and the end only. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

const ENDING = ".jsonl";

/** @param stack its short name */
export const runsDirectory = (state: string, stack: string): string => path.join(state, "runs", stack);

export const runFile = (directory: string, id: string): string => path.join(directory, `${id}${ENDING}`);

/** An id that sorts by time. */
export const newRunId = (now: Date): string =>
  `${now.toISOString().replace(/\.\d+/, "").replace(/[-:]/g, "")}-${randomBytes(4).toString("hex")}`;

/** The ids of the runs, the newest first; none when there is no directory. */
export function listRunIds(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .filter((id) => RUN_ID.test(id))
    .sort()
    .reverse();
}

/** The events of a run; none when there is no file. A line that a killed process left in part is left out. */
export function readRunFile(directory: string, id: string): RunEvent[] {
  let text: string;
  try {
    text = readFileSync(runFile(directory, id), "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => parseEvent(line) ?? []);
}

/** The size of a run's file; 0 when there is none. */
export const runBytes = (directory: string, id: string): number =>
  statSync(runFile(directory, id), { throwIfNoEntry: false })?.size ?? 0;

const linesOf = (events: readonly RunEvent[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join("");

/**
 * Appends to a run's file; without events it only shows that the run goes on.
 * @throws Error when the disk is full
 */
export function appendEvents(directory: string, id: string, events: readonly RunEvent[]): void {
  const file = runFile(directory, id);
  appendFileSync(file, linesOf(events), { mode: 0o600 });
  const now = new Date();
  utimesSync(file, now, now);
}

/** Appends to the file of one run. */
export class RunWriter {
  readonly #descriptor: number;
  #bytes: number;
  /** Events that the limit of the file's size left out. */
  dropped = 0;

  /** @throws Error when the file cannot be made */
  constructor(directory: string, id: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#descriptor = openSync(runFile(directory, id), "a", 0o600);
    this.#bytes = statSync(runFile(directory, id)).size;
  }

  /**
   * @returns the events that were kept
   * @throws Error when the disk is full
   */
  write(events: readonly RunEvent[]): readonly RunEvent[] {
    const kept = events.filter(
      ({ type }) => this.#bytes < MAX_FILE_BYTES || type === "result" || type === "end",
    );
    this.dropped += events.length - kept.length;
    if (kept.length === 0) return kept;
    const text = linesOf(kept);
    this.#bytes += Buffer.byteLength(text);
    writeSync(this.#descriptor, text);
    return kept;
  }

  /** Shows readers that cannot see the process that the run goes on. */
  touch(now: Date): void {
    futimesSync(this.#descriptor, now, now);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Removes the oldest files beyond the limits. */
export function pruneRuns(directory: string, runs = KEPT_RUNS, bytes = KEPT_BYTES): void {
  let sum = 0;
  for (const [index, id] of listRunIds(directory).entries()) {
    const file = runFile(directory, id);
    sum += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (index >= runs || (index > 0 && sum > bytes)) rmSync(file, { force: true });
  }
}
