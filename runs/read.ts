/** Reads the recorded runs of a stack from their files, without a control centre. */
import { listRunIds } from "./files.ts";
import { RunFollower } from "./follow.ts";
import type { Run } from "./run.ts";

/** A run; undefined when there is none with this id, or its file has no start. */
export function readRun(directory: string, id: string, now = Date.now()): Run | undefined {
  if (!listRunIds(directory).includes(id)) return undefined;
  const follower = new RunFollower(directory, id);
  follower.read();
  return follower.run(now);
}

/** The newest runs, the newest first. */
export function readRuns(directory: string, count: number, now = Date.now()): Run[] {
  const runs: Run[] = [];
  for (const id of listRunIds(directory)) {
    if (runs.length >= count) break;
    const run = readRun(directory, id, now);
    if (run !== undefined) runs.push(run);
  }
  return runs;
}
