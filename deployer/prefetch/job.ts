/** Building ahead: what a deploy does before it touches the running system, done for hosts whose turn has not come. */
import * as z from "zod";
import { lastLine, oneLine } from "../../lib/sanitize.ts";
import type { DeployTools, Perform } from "../deploy/deploy.ts";
import { deploySpec } from "../deploy/spec.ts";
import { closeConnection, transferClosure } from "../deploy/transfer.ts";

export const prefetchJobs = z.array(
  z.strictObject({
    spec: deploySpec,
    /** False: the host did not answer the probe, so that nothing is copied to it. */
    copy: z.boolean(),
  }),
);
export type PrefetchJobs = z.infer<typeof prefetchJobs>;
/** One host's, as it is written down. */
export type PrefetchJob = z.input<typeof prefetchJobs>[number];

/** Host -> `ready`, or what came in between. Its own deploy does the same again, and then it counts. */
export const prefetchResult = z.object({
  schemaVersion: z.literal(1),
  hosts: z.record(z.string(), z.string()),
});
export type PrefetchResult = z.infer<typeof prefetchResult>;

/** Hosts that are brought their closures at a time: the first wave's own deploys have the way first. */
const atOnce = 4;

/** Never fails. */
export async function runPrefetchJobs(list: PrefetchJobs, tools: DeployTools): Promise<PrefetchResult> {
  const hosts: Record<string, string> = {};
  const waiting = [...list];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { spec, copy } = next;
      const perform: Perform = (step) => {
        tools.progress(`${spec.host}: ${step.name} ahead of its wave`);
        return tools.run(step);
      };
      const { failure, warnings } = await transferClosure(spec, tools, perform, { copy });
      if (copy && failure === undefined) await closeConnection(spec, tools);
      const reason = failure?.reason && lastLine(failure.reason);
      hosts[spec.host] =
        failure === undefined
          ? oneLine(["ready", ...warnings].join("; "))
          : oneLine(`${failure.step ?? "?"}: ${reason ?? failure.outcome}`);
      if (failure !== undefined) tools.progress(`${spec.host}: not ahead: ${hosts[spec.host]}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker));
  return { schemaVersion: 1, hosts };
}
