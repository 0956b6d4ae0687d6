import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { writeAtomic } from "../cli/files.ts";

/** How a rehearsal ended; fields are only added. */
export interface RehearsalResult {
  readonly name: string;
  /** When the thing was broken, RFC 3339. */
  readonly startedAt: string;
  /** From the break to the check that found everything restored, or to the failure. */
  readonly seconds: number;
  /** The inventory's target; absent without one. */
  readonly targetSeconds?: number;
  /** Everything was restored, within the target. */
  readonly passed: boolean;
  /** The repository's commit; absent outside of Git. */
  readonly commit?: string;
  /** Why it did not pass. */
  readonly reason?: string;
}

/** Where the results are kept, one file for each runbook; the control centre reads them. */
export function resultsDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const state = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homedir(), ".local", "state");
  return join(state, "pantheros", "rehearsals");
}

/** Writes a result in one rename, so that a reader never sees half of it. Returns the file. */
export function writeResult(directory: string, result: RehearsalResult): string {
  const file = join(directory, `${result.name}.json`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeAtomic(file, `${JSON.stringify(result, null, 2)}\n`, 0o644);
  return file;
}
