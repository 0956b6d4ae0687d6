// Requests each URL until it answers with success or SECONDS have passed. Runs in the driver namespace:
//   node sandbox/cli/probe.ts SECONDS URL...
// Exit code 1 when a URL did not answer; prints those.
import { waitFor } from "../processes/wait.ts";

const [seconds = "0", ...urls] = process.argv.slice(2);

async function problem(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `answers ${answer.status}`;
  } catch (error) {
    const cause = (error as Error).cause;
    return cause instanceof Error ? cause.message : (error as Error).message;
  }
}

const results = await Promise.all(
  urls.map(async (url) => {
    let last: string | undefined;
    const answered = await waitFor(Number(seconds), async () => {
      last = await problem(url);
      return last === undefined ? true : undefined;
    });
    return answered === true ? undefined : `${url}: ${last}`;
  }),
);
const problems = results.filter((line) => line !== undefined);
for (const line of problems) console.log(line);
process.exit(problems.length === 0 ? 0 : 1);
