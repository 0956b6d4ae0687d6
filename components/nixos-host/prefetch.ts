/** Builds and copies the closures of later waves while the first wave is activated and confirmed. */

import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { DeploySpecInput } from "../../deployer/deploy/spec.ts";
import type { PrefetchJob } from "../../deployer/prefetch/job.ts";
import type { Probe } from "../../deployer/probe.ts";
import { nodeCommand, PROGRAMS } from "../../deployer/programs.ts";
import { sha256 } from "../../lib/sha256.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { recoverWith } from "../failures.ts";
import type { WaveHost } from "./waves.ts";

export type { PrefetchJob };

/** Undefined when the host has the system (a pinned one always), or builds it and does not answer. */
export function prefetchJobOf(spec: DeploySpecInput, found: Probe): PrefetchJob | undefined {
  if (spec.drvPath === undefined) return undefined;
  if (found.reached && found.status.system === spec.outPath) return undefined;
  if (!found.reached && spec.build === "target") return undefined;
  return { spec, copy: found.reached };
}

/** Hosts of all waves but the first. */
export function laterWaves<T extends WaveHost>(hosts: readonly T[]): T[] {
  const first = Math.min(...hosts.map(({ wave }) => wave));
  return hosts.filter(({ wave }) => wave > first);
}

/** Changes only with the systems of the later waves: not with drift, a rollback, or an offline host. */
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

/** At most one per stack, where there is more than one wave. Nothing depends on it, and it never fails. */
export class Prefetch extends pulumi.ComponentResource {
  constructor(name: string, { hosts }: PrefetchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Prefetch", name, {}, opts);
    const jobs = pulumi
      .all(hosts.map(({ prefetchJob }) => prefetchJob))
      .apply((all) => JSON.stringify(all.filter((job) => job !== undefined)));
    const wanted = pulumi
      .all(
        hosts.map(({ hostname, target }) =>
          // A host that can't be evaluated does not stop the others.
          recoverWith(
            target.apply(({ outPath }) => [{ host: hostname, outPath }]),
            () => [],
          ),
        ),
      )
      .apply((all) => all.flat());
    new command.local.Command(
      name,
      {
        create: nodeCommand(PROGRAMS.prefetch),
        environment: { PANTHEROS_NODE: process.execPath },
        // Not an environment variable: the jobs of a hundred hosts exceed its limit.
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
