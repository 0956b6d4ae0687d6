/**
 * Runs prefetch jobs (job.ts): `node deployer/prefetch/main.ts <JOBS.json`. Prints one line of JSON and exits 0, also when jobs
 * failed; exits 2 when the JSON cannot be read.
 */
import { text } from "node:stream/consumers";
import { runnerTools } from "../deploy/runner-files.ts";
import { stopWithParent } from "../process/stop.ts";
import { prefetchJobs, runPrefetchJobs } from "./job.ts";

const list = prefetchJobs.safeParse(JSON.parse(await text(process.stdin)));
if (!list.success) {
  process.stderr.write(`pantheros prefetch: standard input cannot be read: ${list.error.message}\n`);
  process.exit(2);
}
stopWithParent("prefetch");
const result = await runPrefetchJobs(list.data, runnerTools(list.data.map(({ spec }) => spec)));
process.stdout.write(`${JSON.stringify(result)}\n`);
