/** What going back would change on hosts: their packages before and after, as far as this machine has the closures. */
import path from "node:path";
import * as z from "zod";
import type { Difference } from "../../../centre/acts/actor.ts";
import { type ClosureDiff, closureComparison } from "../../../deployer/closures/diff.ts";
import { probe } from "../../../deployer/probe.ts";
import { runProcess } from "../../../deployer/process/runner.ts";
import { bytesText } from "../../../lib/bytes-text.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { ROOT } from "../../root.ts";
import type { OpenStack } from "../../stack/open.ts";
import { probeArgsOf } from "../../stack/probe-args.ts";

const COMPARE_SECONDS = 20;
const MAX_LINES = 60;

const comparisons = z.record(z.string(), closureComparison);

/** A comparison in words, the versions first. */
function differenceLines({ before, after, changed, added, removed, rebuilt }: ClosureDiff): string[] {
  const lines = [
    `closure ${bytesText(before)} -> ${bytesText(after)}`,
    ...changed,
    ...added.map((name) => `${name}: added`),
    ...removed.map((name) => `${name}: removed`),
    ...(rebuilt.length === 0 ? [] : [`rebuilt in the same version: ${rebuilt.join(", ")}`]),
  ];
  const left = lines.length - MAX_LINES;
  return left > 0 ? [...lines.slice(0, MAX_LINES), `and ${left} more`] : lines;
}

/** Compares pairs of systems in the local store; a host is left out when that is not possible. */
async function compare(
  pairs: ReadonlyMap<string, { readonly from: string; readonly to: string }>,
): Promise<ReadonlyMap<string, ClosureDiff>> {
  if (pairs.size === 0) return new Map();
  const { exitCode, stdout } = await runProcess({
    argv: [process.execPath, path.join(ROOT, "deployer/closures/main.ts")],
    input: JSON.stringify({ hosts: Object.fromEntries(pairs), seconds: COMPARE_SECONDS }),
    timeoutSeconds: COMPARE_SECONDS + 5,
    maxOutputBytes: 16 * 1024 * 1024,
  });
  if (exitCode !== 0) return new Map();
  try {
    const read = comparisons.parse(JSON.parse(stdout));
    return new Map(Object.entries(read).flatMap(([host, { diff }]) => (diff ? [[host, diff] as const] : [])));
  } catch {
    return new Map();
  }
}

/** Asks the hosts for their systems, and compares the running one with the one before. */
export async function rollbackDifferences(
  { plan, settings, outputs }: OpenStack,
  hosts: readonly string[],
): Promise<readonly Difference[]> {
  const { probe: seconds } = plan.inventory.deploy.seconds;
  const asked = await Promise.all(
    hosts.map(async (host): Promise<Difference> => {
      const none = { host, from: undefined, to: undefined, lines: undefined };
      try {
        const args = probeArgsOf({ plan, settings, outputs }, host, seconds);
        if (typeof args === "string") return { ...none, problem: args };
        const answer = await probe(args);
        if (!answer.reached) return { ...none, problem: answer.reason };
        const { system, previous } = answer.status;
        const from = system ?? undefined;
        if (previous == null)
          return { ...none, from, problem: "it has had only one confirmed system since its first deploy" };
        return { host, from, to: previous, lines: undefined };
      } catch (error) {
        return { ...none, problem: messageOf(error) };
      }
    }),
  );
  const pairs = asked.flatMap(({ host, from, to }) =>
    from === undefined || to === undefined ? [] : [[host, { from, to }] as const],
  );
  const found = await compare(new Map(pairs));
  return asked.map((each) => {
    const diff = found.get(each.host);
    return diff === undefined ? each : { ...each, lines: differenceLines(diff) };
  });
}
