/** One NixOS host: installed when its machine is new, deployed to, and its result reported. */

import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type DeploySpecInput, truncateNames } from "../../deployer/deploy/spec.ts";
import type { EvaluationFailure, HostEvaluation } from "../../deployer/evaluation/target.ts";
import {
  isManaged,
  NOT_PROBED,
  type Probe,
  type ProbeArgs,
  probe,
  probeUntilReached,
} from "../../deployer/probe.ts";
import { PROGRAMS } from "../../deployer/programs.ts";
import {
  type DeployResult,
  evaluationFailure,
  installFailure,
  readDeployResult,
  resourceFailure,
} from "../../deployer/protocol/result.ts";
import type { SupervisorStatus } from "../../deployer/protocol/supervisor.ts";
import type { SshJump } from "../../deployer/ssh.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { recoverWith, unlessFailed } from "../failures.ts";
import type { Provenance } from "../provenance.ts";
import { type HostConnection, hostConnection } from "./connection.ts";
import { Install, type InstallArgs } from "./install.ts";
import { isPinned, pinnedInstallTarget, type Wanted } from "./pin.ts";
import { type HostPower, withPower } from "./power.ts";
import { type PrefetchJob, prefetchJobOf } from "./prefetch.ts";
import { notEvaluatedText } from "./preview/host.ts";
import type { PreviousResults } from "./previous.ts";
import { isUpToDate, succeeded, wantedToken } from "./token.ts";
import { heldBy } from "./waves.ts";

/** A host that builds for others. */
export interface Builder {
  readonly host: string;
  readonly address: pulumi.Input<string>;
  readonly port?: pulumi.Input<number>;
  readonly hostKey: pulumi.Input<string>;
  readonly jumps?: pulumi.Input<SshJump[]>;
}

export interface NixosHostArgs {
  /** The host's name in the inventory and in the flake. */
  readonly host: string;
  /** Address that deploys use. */
  readonly address: pulumi.Input<string>;
  /** Port of its sshd; 22 by default. */
  readonly port?: pulumi.Input<number>;
  /** Port on which its sshd may still listen, while the port changes. */
  readonly formerPort?: number | undefined;
  /** Jump hosts on the way, from the runner on. */
  readonly jumps?: pulumi.Input<SshJump[]> | undefined;
  /** Jump hosts that this stack deploys to. The first connection to the host waits for their deploys. */
  readonly through?: readonly NixosHost[];
  /** Pinned public host key, `TYPE BASE64`. */
  readonly hostKey: pulumi.Input<string>;
  /** Not needed for a pinned host. */
  readonly evaluation?: pulumi.Input<HostEvaluation> | undefined;
  /** `must`: the host is required, and fails the verdict when it is not confirmed. */
  readonly converge: "must" | "best-effort";
  /** The deploy user. */
  readonly user: string;
  /** Its private key file; the runner's own keys by default. */
  readonly identity?: string | undefined;
  /** False: the host is not probed (a preview without access), and the token is left out of the diff. True by default. */
  readonly probe?: boolean;
  /** An adopted machine may run NixOS without the supervisor; its first deploy then connects as root. */
  readonly maybeUnmanaged: boolean;
  /** Set for a created server that is off or starts in this run. */
  readonly power?: HostPower | undefined;
  /** Seconds in which a server that starts in this run has to answer. */
  readonly bootSeconds?: number;
  /** Hosts of earlier waves; see hostsToAwait in waves.ts. */
  readonly after?: readonly NixosHost[];
  /** Further reasons to hold it in this run. */
  readonly held?: readonly string[];
  /** For a created server: how NixOS is installed on it. */
  readonly install?: Omit<
    InstallArgs,
    "host" | "user" | "port" | "jumps" | "hostKey" | "probe" | "probed" | "target" | "previous"
  >;
  /** Where it is built: on the host itself or on a builder; on the runner by default. */
  readonly build?: "target" | Builder;
  /** With `build`: the public part of the host's build key, or `fleet` for a trusted builder. */
  readonly signer?: string;
  /** Binary cache that closures are pushed to first. */
  readonly push?: pulumi.Input<string | undefined>;
  /** Why the host must not be touched; nothing is done on it before this resolves. */
  readonly refused?: pulumi.Input<string | undefined>;
  /** Work on the host that the deploy waits for, such as the delivery of its secrets. */
  readonly before?: (connection: HostConnection) => pulumi.Input<unknown>;
  /** Reads the results of the stack's last run from its state. */
  readonly previous?: () => Promise<PreviousResults>;
  /** Store path of the system that the host is pinned to, instead of the evaluated one. */
  readonly pin?: string | undefined;
  /** Whether a deploy may reboot it; never by default. */
  readonly reboot?: DeploySpecInput["reboot"];
  /** The commit and the person that this run deploys for; not part of any diff. */
  readonly provenance?: pulumi.Input<Provenance | undefined>;
  /** Limits in seconds. */
  readonly seconds?: DeploySpecInput["seconds"];
}

/**
 * `result` reports the last deploy and never fails by itself: the stack's Verdict evaluates it. It is
 * also `failed` when a resource that the deploy needs failed; then the host was not touched. A
 * converged host shows no change; a new system, drift, a rollback or a held wave shows one, and the
 * next `up` deploys.
 */
export class NixosHost extends pulumi.ComponentResource {
  readonly hostname: string;
  readonly converge: "must" | "best-effort";
  readonly result: pulumi.Output<DeployResult>;
  /** The host's status at the start of this run; undefined when it was not probed or did not answer. */
  readonly status: pulumi.Output<SupervisorStatus | undefined>;
  readonly probed: boolean;
  /** Rejected when the host can't be evaluated. */
  readonly target: pulumi.Output<Wanted>;
  /** Why the host can't be evaluated. */
  readonly notEvaluated: pulumi.Output<EvaluationFailure | undefined>;
  /** Store path that it is pinned to. */
  readonly pin: string | undefined;
  /** The probe's answer. */
  readonly seen: pulumi.Output<Probe>;
  /** Probes again with the units, for a preview of a host that does not run the wanted system. */
  readonly inspect: () => pulumi.Output<Probe>;
  readonly reboot: "allow" | "never";
  /** What can be built and copied before its wave; undefined when there is nothing to do. */
  readonly prefetchJob: pulumi.Output<PrefetchJob | undefined>;

  constructor(name: string, args: NixosHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Host", name, {}, opts);
    const { host, converge } = args;
    this.hostname = host;
    this.converge = converge;
    this.probed = args.probe ?? true;
    this.pin = args.pin;
    this.reboot = args.reboot ?? "never";
    this.target = wantedSystem(args);
    this.notEvaluated = failureOf(args);

    const probeArgs = probeArgsOf(args);
    this.seen = this.#probe(name, args, probeArgs);
    this.inspect = () =>
      pulumi.all([probeArgs, this.target]).apply(([known, { outPath }]) => probe({ ...known, outPath }));
    this.status = unlessFailed(this.seen.apply((found) => (found.reached ? found.status : undefined)));

    const install = this.#install(name, args);
    const afterInstall = install?.probe ?? this.seen;
    const installed = install?.result.apply(({ outcome }) => outcome !== "failed") ?? pulumi.output(true);
    const refused = pulumi
      .all([args.refused, this.notEvaluated])
      .apply(([reason, failure]) => reason ?? (failure && `it can't be evaluated: ${failure.reason}`));
    const fresh = randomUUID();
    const token = pulumi
      .all([this.target, afterInstall, refused])
      .apply(([{ outPath }, found, reason]) =>
        reason === undefined ? wantedToken({ outPath, probe: found, converge, fresh }) : fresh,
      );
    const { user, identity, address, port = SSH_PORT, jumps, hostKey } = args;
    const toHost = { user, identity, converge, probed: this.probed, address, port, jumps, hostKey };
    const before = args.before?.(
      hostConnection({
        ...toHost,
        through: afterDeploys(args.through),
        installed,
        probe: afterInstall,
        refused,
      }),
    );
    const base = baseSpec(args, { target: this.target, probe: this.seen, token });
    this.prefetchJob = unlessFailed(
      pulumi.all([base, this.seen]).apply(([spec, found]) => prefetchJobOf(spec, found)),
    );
    const deploy = this.#deploy(name, token, wholeSpec(args, { base, installed, refused, before }));
    const deployed = resultOf(args, deploy.stdout, install?.result);
    this.result = pulumi
      .all([deployed, this.notEvaluated])
      .apply(([result, failure]) => (failure === undefined ? result : evaluationFailure(host, failure)));
    this.registerOutputs({ result: this.result });
  }

  /** The host's answer, with the state's result of its last deploy where the host has no record of it. */
  #probe(name: string, args: NixosHostArgs, probeArgs: pulumi.Output<ProbeArgs>): pulumi.Output<Probe> {
    if (!this.probed) return pulumi.output<Probe>(NOT_PROBED);
    return pulumi
      .all([probeAfterBoot(probeArgs, args), outPathOf(this.target)])
      .apply(async ([found, outPath]): Promise<Probe> => {
        if (outPath === undefined || !found.reached || !isUpToDate(found, outPath)) return found;
        const unfinished = (await args.previous?.())?.deploys[`${name}-deploy`];
        return unfinished === undefined || succeeded(unfinished) ? found : { ...found, unfinished };
      });
  }

  /** Undefined for an adopted machine. */
  #install(name: string, args: NixosHostArgs): Install | undefined {
    if (args.install === undefined) return undefined;
    return new Install(
      name,
      {
        ...args.install,
        address: pulumi.all([args.install.address, afterDeploys(args.through)]).apply(([address]) => address),
        jumps: args.jumps,
        host: args.host,
        user: args.user,
        port: pulumi.output(args.port ?? SSH_PORT),
        hostKey: pulumi.output(args.hostKey),
        probe: this.seen,
        previous: args.previous,
        // A pinned host is never installed again, even when it does not answer.
        probed: this.probed && args.pin === undefined,
        target: this.target.apply((wanted) => (isPinned(wanted) ? pinnedInstallTarget(wanted) : wanted)),
      },
      { parent: this },
    );
  }

  #deploy(name: string, token: pulumi.Output<string>, spec: pulumi.Output<string>): command.local.Command {
    return new command.local.Command(
      `${name}-deploy`,
      {
        create: `exec sh ${PROGRAMS.deploy}`,
        environment: { PANTHEROS_DEPLOY: spec, PANTHEROS_NODE: process.execPath },
        triggers: [this.target.outPath, token],
        // Progress goes to stderr; the result is a line of stdout.
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        ignoreChanges: [...IGNORED_COMMAND_INPUTS, ...(this.probed ? [] : ["triggers[1]"])],
      },
    );
  }
}

const wantedSystem = ({ pin, evaluation, host }: NixosHostArgs): pulumi.Output<Wanted> =>
  pin === undefined
    ? pulumi.output(evaluation).apply((found): Wanted => {
        if (found === undefined) throw new Error(`host ${host} was not evaluated`);
        if ("target" in found) return found.target;
        throw new pulumi.RunError(notEvaluatedText(host, found.failure));
      })
    : pulumi.output<Wanted>({ outPath: pin, pinned: true });

/**
 * Why this host can't be evaluated. Also undefined when the evaluation failed for all hosts: then
 * the target is rejected.
 */
const failureOf = ({ pin, evaluation }: NixosHostArgs): pulumi.Output<EvaluationFailure | undefined> =>
  unlessFailed(
    pulumi
      .output(pin === undefined ? evaluation : undefined)
      .apply((found) => (found !== undefined && "failure" in found ? found.failure : undefined)),
  );

/** Undefined when the host can't be evaluated. */
const outPathOf = (target: pulumi.Output<Wanted>): pulumi.Output<string | undefined> =>
  unlessFailed(target.apply(({ outPath }) => outPath));

/** The deploy's spec, as far as it is known before earlier waves have ended. */
function baseSpec(
  args: NixosHostArgs,
  known: {
    readonly target: pulumi.Output<Wanted>;
    readonly probe: pulumi.Output<Probe>;
    readonly token: pulumi.Output<string>;
  },
): pulumi.Output<DeploySpecInput> {
  const { host, user, converge, signer, reboot, seconds } = args;
  const build = pulumi.output(args.build).apply((place): DeploySpecInput["build"] => place);
  return pulumi
    .all([known.target, known.probe, known.token, endpointOf(args), pulumi.output(args.push), build])
    .apply(
      ([target, found, token, [address, port, hostKey, jumps], push, place]): DeploySpecInput => ({
        schemaVersion: 1,
        host,
        address,
        port,
        user,
        hostKeys: [hostKey],
        ...(jumps !== undefined && { jumps }),
        managed: isManaged(found),
        ...(args.formerPort !== undefined && { formerPort: args.formerPort }),
        ...(found.reached && found.port !== undefined && { currentPort: found.port }),
        ...(!isPinned(target) && { drvPath: target.drvPath }),
        outPath: target.outPath,
        token,
        converge,
        ...(place !== undefined && { build: place, signer }),
        ...(push !== undefined && { push }),
        ...(reboot === "allow" && { reboot }),
        ...(seconds !== undefined && { seconds }),
      }),
    );
}

/** The spec as JSON. It resolves when the host's turn has come: its waves, its installation and `before` are done. */
function wholeSpec(
  args: NixosHostArgs,
  known: {
    readonly base: pulumi.Output<DeploySpecInput>;
    readonly installed: pulumi.Output<boolean>;
    readonly refused: pulumi.Output<string | undefined>;
    readonly before: pulumi.Input<unknown>;
  },
): pulumi.Output<string> {
  const earlier = pulumi.all(
    (args.after ?? []).map(({ result, converge }) => result.apply((ended) => ({ result: ended, converge }))),
  );
  const ready = pulumi.all([
    ...([
      known.base,
      earlier,
      known.installed,
      pulumi.output(args.provenance),
      known.refused,
      known.before,
      afterDeploys(args.through),
    ] as const),
  ]);
  return ready.apply(([base, earlierResults, isInstalled, provenance, refused]) =>
    JSON.stringify({
      ...base,
      ...(refused !== undefined && { refused }),
      ...(provenance !== undefined && { provenance }),
      heldBy: truncateNames([
        ...(args.held ?? []),
        ...heldBy(earlierResults),
        ...(isInstalled ? [] : [`${args.host} (not installed)`]),
      ]),
    } satisfies DeploySpecInput),
  );
}

/** The deploy's result, or the reason why there is none. */
const resultOf = (
  { host, power }: NixosHostArgs,
  deployed: pulumi.Output<string>,
  installed: Install["result"] | undefined,
): pulumi.Output<DeployResult> =>
  recoverWith(
    pulumi
      .all([deployed, installed])
      .apply(([stdout, installResult]) =>
        installResult?.outcome === "failed"
          ? installFailure(installResult)
          : withPower(readDeployResult(host, stdout), power),
      ),
    (reason) => resourceFailure(host, reason),
  );

/** Waits for a server that boots; does not probe one that is off. */
function probeAfterBoot(
  probeArgs: pulumi.Output<ProbeArgs>,
  { power, bootSeconds = DEFAULT_SECONDS.install.boot }: NixosHostArgs,
): pulumi.Output<Probe> {
  if (power === undefined) return probeArgs.apply(probe);
  if (power.is === "starting") return probeArgs.apply((known) => probeUntilReached(known, bootSeconds));
  const { reason, hint } = power;
  return probeArgs.apply((): Probe => ({ reached: false, reason, hint }));
}

/** Resolves when the deploys of these hosts have ended, with any outcome. */
const afterDeploys = (hosts: readonly NixosHost[] = []): pulumi.Output<unknown> =>
  pulumi.all(hosts.map(({ result }) => result));

/** Address, port, host key and jump hosts. */
const endpointOf = (args: NixosHostArgs) =>
  pulumi.all([args.address, args.port ?? SSH_PORT, args.hostKey, pulumi.output(args.jumps)]);

/** Does not depend on the evaluation, so that hosts answer while it runs. */
const probeArgsOf = (args: NixosHostArgs): pulumi.Output<ProbeArgs> =>
  endpointOf(args).apply(([address, port, hostKey, jumps]) => ({
    host: args.host,
    address,
    port,
    formerPort: args.formerPort,
    jumps,
    hostKey,
    user: args.user,
    identity: args.identity,
    maybeUnmanaged: args.maybeUnmanaged,
    connectSeconds: args.seconds?.connect,
    timeoutSeconds: args.seconds?.probe,
  }));
