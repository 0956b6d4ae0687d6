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
import type { PreviewHost } from "../../../preview/document.ts";
import { ifKnown } from "../../known.ts";
import { addToPreview } from "../../preview-part.ts";
import { isPinned, pinnedHostText, type Wanted } from "../pin.ts";
import { type HostPlace, hostFacts, notEvaluatedFacts } from "./facts.ts";
import { foldLines, type Line, markdownText } from "./fold.ts";
import { notEvaluatedLines, previewLines } from "./host.ts";

export interface ExplainedHost {
  readonly hostname: string;
  readonly converge: "must" | "best-effort";
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
  /** Host -> its wave. */
  readonly waves: ReadonlyMap<string, number>;
  /** Hosts that this run is not for. */
  readonly unselected?: ReadonlySet<string>;
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

/** What the document has of a host that was not probed, or whose machine is new. */
function placesOf({ hosts, waves, unselected }: ExplainArgs): ReadonlyMap<string, PreviewHost> {
  return new Map(
    hosts.map(({ hostname: host, converge }) => {
      const place = { host, wave: waves.get(host) ?? 1, required: converge === "must" };
      return [host, { ...place, action: unselected?.has(host) ? "not-selected" : "not-probed" }];
    }),
  );
}

/**
 * Resolves when the explanation is logged. Does nothing outside of previews. A host whose machine
 * is new has none, because its address is not known.
 */
export function explain(args: ExplainArgs, opts: pulumi.InvokeOutputOptions): pulumi.Output<void> {
  if (!pulumi.runtime.isDryRun() || args.hosts.length === 0) return pulumi.output<void>(undefined);
  const places = placesOf(args);
  addToPreview({ hosts: Object.fromEntries(places) });
  const known = Promise.all(args.hosts.map((host) => ifKnown(probed(host))));
  return pulumi.output(known).apply((answers) => {
    const all = answers.filter((each) => each !== undefined) as (ProbedHost | NotEvaluated)[];
    const failed = all.flatMap((each) => ("failure" in each ? [each] : []));
    const found = all.flatMap((each) => ("failure" in each ? [] : [each]));
    // Only hosts that would change are looked up; most previews change few.
    const changed = found.filter((each) => linesOf(each, undefined).length > 0);
    return pulumi
      .all([pulumi.all(changed.map(inspected)), compareClosures(closurePairs(changed), args, opts)])
      .apply(([hosts, comparisons]) => {
        const closuresOf = ({ host }: ProbedHost) => entryOf(comparisons, host);
        addToPreview({ hosts: factsOf(places, { failed, found, inspected: hosts, closuresOf }) });
        return writeExplanation(
          [
            ...failed.map(({ host, failure }) => notEvaluatedLines(host, failure)),
            ...hosts.map((each) => linesOf(each, closuresOf(each))),
          ],
          args,
        );
      });
  });
}

interface Findings {
  readonly failed: readonly NotEvaluated[];
  readonly found: readonly ProbedHost[];
  /** Those that would change, probed again. */
  readonly inspected: readonly ProbedHost[];
  readonly closuresOf: (host: ProbedHost) => ClosureComparison | undefined;
}

function factsOf(
  places: ReadonlyMap<string, PreviewHost>,
  { failed, found, inspected: again, closuresOf }: Findings,
): Record<string, PreviewHost> {
  const place = (host: string): HostPlace => {
    const { wave = 1, required = true } = places.get(host) ?? {};
    return { host, wave, required };
  };
  const facts = [...found, ...again].map((each) =>
    hostFacts({ ...each, place: place(each.host), closures: closuresOf(each) }),
  );
  const notEvaluated = failed.map(({ host, failure }) => notEvaluatedFacts(place(host), failure));
  const told = [...facts, ...notEvaluated].filter(({ host }) => places.get(host)?.action !== "not-selected");
  return { ...Object.fromEntries(places), ...Object.fromEntries(told.map((fact) => [fact.host, fact])) };
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
