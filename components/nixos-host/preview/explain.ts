/**
 * Explains in a preview which hosts would change and why. It is one message of the stack, because one
 * message per host would add two lines for each host to the pull request's comment.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { type ClosureComparison, closureComparison } from "../../../deployer/closures/diff.ts";
import type { EvaluationFailure } from "../../../deployer/evaluation/target.ts";
import { NOT_PROBED, type Probe } from "../../../deployer/probe.ts";
import { PROGRAMS } from "../../../deployer/programs.ts";
import { entryOf } from "../../../lib/entry-of.ts";
import { isPinned, pinnedHostText, type Wanted } from "../pin.ts";
import { foldLines, type Line, markdownText } from "./fold.ts";
import { notEvaluatedLines, previewLines } from "./host.ts";

export interface ExplainedHost {
  readonly hostname: string;
  readonly reboot: "allow" | "never";
  readonly target: pulumi.Output<Wanted>;
  /** Why there is no target. */
  readonly notEvaluated: pulumi.Output<EvaluationFailure | undefined>;
  readonly seen: pulumi.Output<Probe>;
  /** Probes again with the units, for a host that does not run the wanted system. */
  readonly inspect: () => pulumi.Output<Probe>;
}

export interface ExplainArgs {
  readonly hosts: readonly ExplainedHost[];
  readonly stack: string;
  /** The file that gets all lines. */
  readonly file: string;
  /** Binary cache for closures that are not in the runner's store. */
  readonly cache?: string | undefined;
  /** Time limit for looking closures up. */
  readonly seconds: number;
}

interface ProbedHost {
  readonly host: string;
  readonly inspect: () => pulumi.Output<Probe>;
  readonly wanted: Wanted;
  readonly probe: Probe;
  readonly reboot: "allow" | "never";
}

interface NotEvaluated {
  readonly host: string;
  readonly failure: EvaluationFailure;
}

/** Whether there are two systems to compare: the host runs a different one, and is not pinned. */
const differs = (found: ProbedHost): found is ProbedHost & { probe: Extract<Probe, { reached: true }> } =>
  !isPinned(found.wanted) && found.probe.reached && found.probe.status.system !== found.wanted.outPath;

/** The closures to compare, by host. */
function closurePairs(found: readonly ProbedHost[]): Record<string, { from: string | null; to: string }> {
  return Object.fromEntries(
    found.flatMap((each) =>
      differs(each) ? [[each.host, { from: each.probe.status.system, to: each.wanted.outPath }]] : [],
    ),
  );
}

const probed = ({
  hostname: host,
  reboot,
  target,
  notEvaluated,
  seen,
  inspect,
}: ExplainedHost): pulumi.Output<ProbedHost | NotEvaluated> =>
  notEvaluated.apply(
    (failure): pulumi.Output<ProbedHost | NotEvaluated> =>
      failure === undefined
        ? pulumi.all([target, seen]).apply(([wanted, probe]) => ({ host, inspect, reboot, wanted, probe }))
        : pulumi.output({ host, failure }),
  );

/** Adds the units where they are compared. If the host no longer answers, its first answer is used. */
const inspected = (each: ProbedHost): pulumi.Output<ProbedHost> =>
  differs(each)
    ? each.inspect().apply((probe) => ({ ...each, probe: probe.reached ? probe : each.probe }))
    : pulumi.output(each);

function linesOf(found: ProbedHost, closures: ClosureComparison | undefined): Line[] {
  const { host, wanted, probe, reboot } = found;
  if (!probe.reached && probe.reason === NOT_PROBED.reason) return [];
  if (!isPinned(wanted)) return previewLines({ host, target: wanted, probe, reboot, closures });
  const text = pinnedHostText(host, wanted, probe);
  return text === undefined ? [] : text.split("\n").map((line, rank) => ({ text: line, rank }));
}

/** Resolves when the explanation is logged. Does nothing outside of previews. */
export function explain(args: ExplainArgs, opts: pulumi.InvokeOutputOptions): pulumi.Output<void> {
  if (!pulumi.runtime.isDryRun() || args.hosts.length === 0) return pulumi.output<void>(undefined);
  return pulumi.all(args.hosts.map(probed)).apply((all) => {
    const failed = all.flatMap((each) => ("failure" in each ? [each] : []));
    const found = all.flatMap((each) => ("failure" in each ? [] : [each]));
    // Only hosts that would change are looked up; most previews change few.
    const changed = found.filter((each) => linesOf(each, undefined).length > 0);
    return pulumi
      .all([pulumi.all(changed.map(inspected)), compareClosures(closurePairs(changed), args, opts)])
      .apply(([hosts, comparisons]) =>
        writeExplanation(
          [
            ...failed.map(({ host, failure }) => notEvaluatedLines(host, failure)),
            ...hosts.map((each) => linesOf(each, entryOf(comparisons, each.host))),
          ],
          args,
        ),
      );
  });
}

function compareClosures(
  pairs: Record<string, { from: string | null; to: string }>,
  { cache, seconds }: ExplainArgs,
  opts: pulumi.InvokeOutputOptions,
): pulumi.Output<Record<string, ClosureComparison>> {
  if (Object.keys(pairs).length === 0) return pulumi.output<Record<string, ClosureComparison>>({});
  const result = command.local.runOutput(
    {
      command: `"$PANTHEROS_NODE" ${PROGRAMS.compareClosures} || :`,
      environment: { PANTHEROS_NODE: process.execPath },
      stdin: JSON.stringify({ hosts: pairs, seconds, ...(cache !== undefined && { cache }) }),
      logging: "none",
      addPreviousOutputInEnv: false,
    },
    opts,
  );
  return result.apply(({ stdout }) => readComparisons(stdout));
}

function readComparisons(stdout: string): Record<string, ClosureComparison> {
  try {
    return z.record(z.string(), closureComparison).parse(JSON.parse(stdout));
  } catch {
    return {};
  }
}

async function writeExplanation(
  hosts: readonly (readonly Line[])[],
  { file, stack }: ExplainArgs,
): Promise<void> {
  rmSync(file, { force: true });
  if (hosts.length === 0) return;
  mkdirSync(dirname(file), { recursive: true });
  const whole = hosts.map((lines) => lines.map((line) => line.text).join("\n"));
  writeFileSync(file, markdownText(stack, whole));
  await pulumi.log.info(foldLines(hosts, file));
}
