import * as pulumi from "@pulumi/pulumi";
import { type DeployResult, withRunning } from "../../deployer/protocol/result.ts";
import type { Plan } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { type HostFacts, outputsFor } from "../../outputs/build.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { isSameTree, nextRevision } from "../../outputs/revision.ts";
import type { BucketLocation } from "../buckets/buckets.ts";
import type { PublishedRecord } from "../dns/zone.ts";
import { unlessFailed } from "../failures.ts";
import type { NixosHost } from "../nixos-host/nixos-host.ts";
import type { KeptHost, KeptHosts } from "./kept.ts";
import { type Machines, machineOf } from "./machines.ts";
import type { RunRevision } from "./promotion.ts";

/** What the outputs are made from. */
export interface FleetResults {
  readonly plan: Plan;
  readonly machines: Machines;
  readonly hosts: ReadonlyMap<string, NixosHost>;
  readonly records: readonly PublishedRecord[];
  readonly buckets: Readonly<Record<string, BucketLocation>>;
  /** Hosts that this run is not for. */
  readonly kept: KeptHosts;
  /** Host -> its name in the tailnet, where it is known. */
  readonly tailnetNames: pulumi.Input<Readonly<Record<string, string>>>;
  readonly revision: RunRevision;
  /** Problems beside the hosts' deploys, which fail the verdict. */
  readonly problems: pulumi.Input<readonly string[]>;
}

/** Servers of decommissioned hosts that are still there. */
function retiredOutputs({
  plan,
  machines,
}: FleetResults): pulumi.Output<NonNullable<StackOutputs["retired"]>> {
  const entries = plan.retired.flatMap(({ name, decommission }) => {
    const server = decommission === "delete" ? ("unprotected" as const) : ("kept" as const);
    const found = entryOf(machines.retired, name);
    return found === undefined ? [] : [found.apply((addresses) => ({ name, server, addresses }))];
  });
  return pulumi
    .all(entries)
    .apply((all) =>
      Object.fromEntries(
        all.flatMap(({ name, server, addresses }) =>
          addresses === undefined ? [] : [[name, { addresses, server }] as const],
        ),
      ),
    );
}

/** Whether every always reachable host was confirmed in this run. */
function isConverged(
  { plan, hosts, kept, revision }: FleetResults,
  facts: Readonly<Record<string, HostFacts>>,
  problems: readonly string[],
): boolean {
  const required = plan.hosts.filter(({ reachability }) => reachability === "always");
  // Whether a host that this run is not for runs the tree is known only when the last run converged.
  const wasConverged = revision.previous?.converged === true && isSameTree(revision.previous, revision);
  return (
    problems.length === 0 &&
    required.length > 0 &&
    required.every(({ name }) => {
      const { result, pinned } = entryOf(facts, name) ?? {};
      const wasAsked = kept.has(name) ? wasConverged : hosts.get(name)?.probed === true;
      return result?.outcome === "confirmed" && pinned === undefined && wasAsked;
    })
  );
}

/** Text from a host on one line: Pulumi may print the lines of a text as lines of its own. */
const onOneLine = ({
  reason,
  hint,
  health,
}: DeployResult): Pick<DeployResult, "reason" | "hint" | "health"> => ({
  reason: reason === undefined ? undefined : oneLine(reason, 1500),
  hint: hint === undefined ? undefined : oneLine(hint, 1000),
  health: health?.map(({ detail, ...check }) => ({ ...check, detail: detail && oneLine(detail, 1500) })),
});

/**
 * The result of a host that this run is not for. What it lacks is taken from the outputs of the
 * last run, where a probe may have added it.
 */
function withPublished(result: DeployResult, { published }: KeptHost): DeployResult {
  if (published?.outcome !== result.outcome) return result;
  return {
    ...result,
    running: result.running ?? published.closure,
    booted: published.booted ?? result.booted,
    generation: result.generation ?? published.generation,
    provenance: result.provenance ?? published.provenance,
  };
}

/**
 * The results of the run in the form of the contract. Values of failed resources are left out.
 *
 * Order of precedence for a host's running system, generation and provenance: the deploy's result, then
 * the probe (the running system and the generation only when the deploy ended before it changed the
 * host). For a host that this run is not for: its kept result, then the outputs of the last run when
 * their outcome is the same; the probe gives the provenance only. Such a host's pin is that of the
 * outputs of the last run, other pins are those of the settings.
 */
export function publishedOutputs(results: FleetResults): pulumi.Output<StackOutputs> {
  const { plan, machines, hosts, records, buckets, kept } = results;
  const facts = [...hosts].map(([host, { result, status, target, pin }]) => {
    const machine = machineOf(machines, host);
    const unselected = kept.get(host);
    const pinned = unselected === undefined ? pin : unselected.published?.pinned;
    return pulumi
      .all([
        unlessFailed(machine?.ipv4),
        unlessFailed(machine?.ipv6),
        unlessFailed(machine?.hostKey),
        unlessFailed(target),
        result,
        status,
      ])
      .apply(([ipv4, ipv6, hostKey, wanted, ended, seen]) => {
        const running =
          unselected === undefined ? withRunning(ended, seen) : withPublished(ended, unselected);
        const provenance = running.provenance ?? seen?.deploy ?? undefined;
        const published = { ...running, ...onOneLine(running), provenance };
        const facts = { ipv4, ipv6, hostKey, pinned, wanted: wanted?.outPath, result: published };
        return [host, facts] as const;
      });
  });
  const located = Object.entries(buckets).map(([key, { name, endpoint, region }]) =>
    unlessFailed(name).apply((given) =>
      given === undefined ? [] : [[key, { name: given, endpoint, region }] as const],
    ),
  );
  return pulumi
    .all([
      pulumi.all(facts),
      pulumi.output(records),
      pulumi.all(located),
      retiredOutputs(results),
      pulumi.output(results.tailnetNames),
      pulumi.output(results.problems),
    ])
    .apply(([all, published, places, retired, tailnetNames, problems]) => {
      const known = Object.fromEntries(all);
      const converged = isConverged(results, known, problems);
      return outputsFor(plan, {
        tailnetNames,
        revision: nextRevision({ ...results.revision, converged, now: new Date() }),
        hosts: known,
        records: published.flatMap(({ content, ...record }) =>
          content === undefined ? [] : [{ ...record, content }],
        ),
        buckets: Object.fromEntries(places.flat()),
        retired,
      });
    });
}
