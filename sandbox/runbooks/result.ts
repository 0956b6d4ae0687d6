import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { stateDirectory } from "../../lib/state-directory.ts";
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

/** Where the results are kept, one file for each runbook; the control centre of a real stack reads them. */
export const resultsDirectory = (environment: NodeJS.ProcessEnv = process.env): string =>
  join(stateDirectory(environment), "rehearsals");

/** Where the sandbox's control centre reads them (tools/pulumi-sandbox.sh); removed with the sandbox. */
export const sandboxResultsDirectory = (sandbox: string): string => join(sandbox, "state", "rehearsals");

/** Writes a result in one rename, so that a reader never sees half of it. Returns the file. */
export function writeResult(directory: string, result: RehearsalResult): string {
  const file = join(directory, `${result.name}.json`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeAtomic(file, `${JSON.stringify(result, null, 2)}\n`, 0o644);
  return file;
}
