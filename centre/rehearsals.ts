/** Results of rehearsed recoveries, which `tools/pantheros rehearse` writes: one JSON file for each runbook. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { messageOf } from "../lib/message-of.ts";

const rehearsal = z.object({
  name: z.string(),
  /** RFC 3339. */
  startedAt: z.string(),
  /** From the break to the check that found everything restored, or to the failure. */
  seconds: z.number().min(0),
  passed: z.boolean(),
  commit: z.string().optional(),
  /** Why it did not pass. */
  reason: z.string().optional(),
});
export type Rehearsal = z.infer<typeof rehearsal>;

export interface Rehearsals {
  readonly results: readonly Rehearsal[];
  /** Files that are no result, with the reason. */
  readonly problems: readonly string[];
}

const MAX_FILES = 100;
const MAX_BYTES = 64 * 1024;

function readOne(file: string): Rehearsal {
  if (statSync(file).size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
  const read = rehearsal.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!read.success) throw new Error(z.prettifyError(read.error));
  return read.data;
}

/** Reads the results in a directory; one that does not exist has none. */
export function readRehearsals(directory: string): Rehearsals {
  const results: Rehearsal[] = [];
  const problems: string[] = [];
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { results, problems: missing ? [] : [messageOf(error)] };
  }
  for (const name of names.sort().slice(0, MAX_FILES)) {
    try {
      results.push(readOne(path.join(directory, name)));
    } catch (error) {
      problems.push(`${name}: ${messageOf(error)}`);
    }
  }
  return { results, problems };
}
