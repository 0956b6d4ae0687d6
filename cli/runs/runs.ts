/** `pantheros runs`: the recorded runs of a stack, or one of them. */
import path from "node:path";
import { nearestName } from "../../lib/names.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { listRunIds, runsDirectory } from "../../runs/files.ts";
import { readRun, readRuns } from "../../runs/read.ts";
import { summaryOf } from "../../runs/run.ts";
import { EXIT_OK, UsageError } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";
import { terminalWidth } from "../terminal.ts";
import { runsText, runText } from "./text.ts";

export interface RunsOptions extends StackOptions {
  /** A run's id, the start of one, or `last`; without it the runs are listed. */
  readonly run?: string | undefined;
  /** Number of the newest runs to list. */
  readonly lines: number;
  /** Where runs are recorded; by default lib/state-directory.ts. */
  readonly stateDirectory?: string;
  readonly json?: boolean;
}

const printJson = (value: unknown) => process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);

/**
 * The id that a word stands for.
 * @param ids the newest first
 * @throws UsageError when it is none, or is the start of several
 */
export function runId(word: string, ids: readonly string[]): string {
  const [newest] = ids;
  if (newest === undefined) throw new UsageError("no run of this stack was recorded here");
  if (word === "last") return newest;
  const found = ids.filter((id) => id.startsWith(word));
  const [only, second] = found;
  if (only !== undefined && (second === undefined || only === word)) return only;
  if (only !== undefined) throw new UsageError(`"${word}" is the start of ${found.length} runs`);
  const near = nearestName(word, ids);
  throw new UsageError(
    `no run "${word}"; ${near === undefined ? `the newest is ${newest}` : `did you mean ${near}?`}`,
  );
}

/** Prints the runs or one of them, and returns the exit code. */
export function runs({ run: word, lines, json, ...options }: RunsOptions, root: string): number {
  const { short } = stackName(options, { env: process.env, root, cwd: process.cwd() });
  const directory = runsDirectory(path.resolve(options.stateDirectory ?? stateDirectory()), short);
  if (word === undefined) {
    const found = readRuns(directory, lines).map(summaryOf);
    if (json) printJson({ schemaVersion: 1, stack: short, runs: found });
    else process.stdout.write(runsText(found, terminalWidth()));
    return EXIT_OK;
  }
  const id = runId(word, listRunIds(directory));
  const found = readRun(directory, id);
  if (found === undefined) throw new Error(`${path.join(directory, id)}: it has no start of a run`);
  if (json) printJson({ schemaVersion: 1, ...found });
  else process.stdout.write(runText(found, terminalWidth()));
  return EXIT_OK;
}
