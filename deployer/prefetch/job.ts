/** Builds and copies closures to hosts of later waves, while earlier waves are deployed. The running systems are not touched. */
import * as z from "zod";
import { lastLine, oneLine } from "../../lib/sanitize.ts";
import { type DeployTools, deployContext } from "../deploy/context.ts";
import { deploySpec } from "../deploy/spec.ts";
import { closeConnection, transferClosure } from "../deploy/transfer.ts";

const prefetchJob = z.strictObject({
  spec: deploySpec,
  /** False when the host did not answer the probe: nothing is copied to it. */
  copy: z.boolean(),
});
export const prefetchJobs = z.array(prefetchJob);
export type PrefetchJob = z.input<typeof prefetchJob>;

export const prefetchResult = z.object({
  schemaVersion: z.literal(1),
  /** Host -> `ready`, or what failed. The host's own deploy tries it again, and decides. */
  hosts: z.record(z.string(), z.string()),
});
export type PrefetchResult = z.infer<typeof prefetchResult>;

/** Jobs at the same time: few, because the deploys of the first wave have priority. */
const MAX_JOBS = 4;

/** Never fails. */
export async function runPrefetchJobs(
  jobs: z.infer<typeof prefetchJobs>,
  tools: DeployTools,
): Promise<PrefetchResult> {
  const hosts: Record<string, string> = {};
  const waiting = [...jobs];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { spec, copy } = next;
      const context = deployContext(spec, tools, (step) => `${spec.host}: ${step.name} ahead of its wave`);
      const failure = await transferClosure(context, { copy });
      if (copy && failure === undefined) await closeConnection(context);
      const reason = failure?.reason && lastLine(failure.reason);
      const result =
        failure === undefined
          ? oneLine(["ready", ...context.warnings].join("; "))
          : oneLine(`${failure.step ?? "?"}: ${reason ?? failure.outcome}`);
      if (failure !== undefined) tools.progress(`${spec.host}: not ahead: ${result}`);
      hosts[spec.host] = result;
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_JOBS, jobs.length) }, worker));
  return { schemaVersion: 1, hosts };
}
