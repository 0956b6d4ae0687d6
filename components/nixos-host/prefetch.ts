/** While the first wave is activated and confirmed, the closures of the later ones are built and brought to their hosts. */

import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { DeploySpecInput } from "../../deployer/deploy/spec.ts";
import type { PrefetchJob } from "../../deployer/prefetch/job.ts";
import type { Probe } from "../../deployer/probe.ts";
import { nodeCommand, PROGRAMS } from "../../deployer/programs.ts";
import { sha256 } from "../../lib/sha256.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import type { WaveHost } from "./waves.ts";

export type { PrefetchJob };

/** Undefined when the system is on the host (a pinned one always is), or when the host builds it and does not answer. */
export function prefetchJobOf(spec: DeploySpecInput, found: Probe): PrefetchJob | undefined {
  if (spec.drvPath === undefined) return undefined;
  if (found.reached && found.status.system === spec.outPath) return undefined;
  if (!found.reached && spec.build === "target") return undefined;
  return { spec, copy: found.reached };
}

/** Hosts of all waves but the first; none when there is one wave. */
export function laterWaves<T extends WaveHost>(hosts: readonly T[]): T[] {
  const first = Math.min(...hosts.map(({ wave }) => wave));
  return hosts.filter(({ wave }) => wave > first);
}

/** Changes with what the later waves shall run and with nothing else: not with drift, a rollback, or a host that is away. */
export const prefetchTrigger = (wanted: readonly { host: string; outPath: string }[]): string =>
  sha256(
    wanted
      .map(({ host, outPath }) => `${host} ${outPath}\n`)
      .sort()
      .join(""),
  ).slice(0, 16);

export interface PrefetchArgs {
  /** Hosts of the later waves. */
  readonly hosts: readonly {
    readonly hostname: string;
    readonly target: pulumi.Output<{ readonly outPath: string }>;
    readonly prefetchJob: pulumi.Output<PrefetchJob | undefined>;
  }[];
}

/** One per stack; none where there is one wave. Nothing depends on it, and it never fails. */
export class Prefetch extends pulumi.ComponentResource {
  constructor(name: string, { hosts }: PrefetchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Prefetch", name, {}, opts);
    const jobs = pulumi
      .all(hosts.map(({ prefetchJob }) => prefetchJob))
      .apply((all) => JSON.stringify(all.filter((job) => job !== undefined)));
    const wanted = pulumi.all(
      hosts.map(({ hostname, target }) => target.apply(({ outPath }) => ({ host: hostname, outPath }))),
    );
    new command.local.Command(
      name,
      {
        create: nodeCommand(PROGRAMS.prefetch),
        environment: { PANTHEROS_NODE: process.execPath },
        // Not a variable: a hundred hosts would be too long for one.
        stdin: jobs,
        triggers: [wanted.apply(prefetchTrigger)],
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      { parent: this, ignoreChanges: IGNORED_COMMAND_INPUTS },
    );
    this.registerOutputs({});
  }
}
