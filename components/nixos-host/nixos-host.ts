/** One NixOS machine that runs what the flake says: installed when it is new, deployed to, and read back. */

import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type DeploySpecInput, truncateNames } from "../../deployer/deploy/spec.ts";
import type { Evaluation, Target } from "../../deployer/evaluate.ts";
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
  installFailure,
  readDeployResult,
  resourceFailure,
} from "../../deployer/protocol/result.ts";
import type { SupervisorStatus } from "../../deployer/protocol/supervisor.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { recoverWith } from "../failures.ts";
import type { Provenance } from "../provenance.ts";
import { type HostConnection, hostConnection } from "./connection.ts";
import { Install, type InstallArgs } from "./install.ts";
import { isPinned, pinnedInstallTarget, type Wanted } from "./pin.ts";
import { type HostPower, withPower } from "./power.ts";
import { type PrefetchJob, prefetchJobOf } from "./prefetch.ts";
import type { PreviousResults } from "./previous.ts";
import { isUpToDate, succeeded, wantedToken } from "./token.ts";
import { heldBy } from "./waves.ts";

/** A machine that builds for another one. */
export interface Builder {
  readonly host: string;
  readonly address: pulumi.Input<string>;
  readonly port?: pulumi.Input<number>;
  readonly hostKey: pulumi.Input<string>;
}

export interface NixosHostArgs {
  /** The host's name in the inventory and in the flake. */
  readonly host: string;
  /** Where it is deployed to. */
  readonly address: pulumi.Input<string>;
  /** Port of its sshd; 22 when left out. */
  readonly port?: pulumi.Input<number>;
  /** Public host key, `TYPE BASE64`: no other is accepted. */
  readonly hostKey: pulumi.Input<string>;
  /** The stack's evaluation. */
  readonly evaluation: pulumi.Input<Evaluation>;
  /** A must host that is not confirmed fails the verdict; a best-effort one (a laptop) never does. */
  readonly converge: "must" | "best-effort";
  /** The account that deploys. */
  readonly user: string;
  /** Private key file of that account; without it the runner's own keys are tried. */
  readonly identity?: string | undefined;
  /** False: hosts are not asked (a preview without access), and the token is left out of the diff. True when left out. */
  readonly probe?: boolean;
  /** An adopted machine may run a NixOS without the supervisor: it is then reached as root, once. */
  readonly maybeUnmanaged: boolean;
  /** Of a created machine that is not simply on. */
  readonly power?: HostPower | undefined;
  /** Seconds in which a machine that boots in this run has to answer. */
  readonly bootSeconds?: number;
  /** Hosts of earlier waves; see hostsToAwait in waves.ts. */
  readonly after?: readonly NixosHost[];
  /** Further reasons not to touch it in this run. */
  readonly held?: readonly string[];
  /** For a machine that is created: how it becomes NixOS. */
  readonly install?: Omit<
    InstallArgs,
    "host" | "user" | "port" | "hostKey" | "probe" | "probed" | "target" | "previous"
  >;
  /** Where it is built: on the machine itself, or on another one; here when left out. */
  readonly build?: "target" | Builder;
  /** With `build`: the public half of the host's own key, or `fleet` where that store is trusted like the runner's. */
  readonly signer?: string;
  /** Binary cache that closures are pushed to first. */
  readonly push?: pulumi.Input<string | undefined>;
  /** Why nothing may be done on the host; nothing is before it resolves. */
  readonly refused?: pulumi.Input<string | undefined>;
  /** What must have happened on the host before its deploy, such as its secrets' arrival. */
  readonly before?: (contact: HostConnection) => pulumi.Input<unknown>;
  /** What the state says of the stack's last run. */
  readonly previous?: () => Promise<PreviousResults>;
  /** Store path of the system that the host is held at, instead of what the evaluation says. */
  readonly pin?: string | undefined;
  /** Whether a deploy may reboot it; never when left out. */
  readonly reboot?: DeploySpecInput["reboot"];
  /** Whose deploy this run is; not part of any diff. */
  readonly provenance?: pulumi.Input<Provenance | undefined>;
  /** Limits in seconds. */
  readonly seconds?: DeploySpecInput["seconds"];
}

/**
 * `result` is what became of the last deploy and never fails by itself: the stack's Verdict judges it. It says `failed` as well when a
 * resource that the deploy needs failed; then the host was not touched. A host that is as wanted shows no change; anything else (another closure, drift, a rollback, a held wave) shows one and is acted upon.
 */
export class NixosHost extends pulumi.ComponentResource {
  readonly hostname: string;
  readonly converge: "must" | "best-effort";
  readonly result: pulumi.Output<DeployResult>;
  /** What the host said of itself at the start of this run; undefined when it was not asked or did not answer. */
  readonly status: pulumi.Output<SupervisorStatus | undefined>;
  /** Whether it was asked. */
  readonly probed: boolean;
  readonly target: pulumi.Output<Wanted>;
  /** Store path that it is held at on purpose. */
  readonly pin: string | undefined;
  /** The probe's answer, and what the inventory allows: for the words of a preview. */
  readonly seen: pulumi.Output<Probe>;
  /** Asks once more, for the units of a host that runs another system than the wanted one. */
  readonly inspect: () => pulumi.Output<Probe>;
  readonly reboot: "allow" | "never";
  /** What could be done for it before its turn comes; undefined when there is nothing to do. */
  readonly prefetchJob: pulumi.Output<PrefetchJob | undefined>;

  constructor(name: string, args: NixosHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Host", name, {}, opts);
    const { host, converge, user, identity } = args;
    this.hostname = host;
    this.converge = converge;
    this.probed = args.probe ?? true;
    const address = pulumi.output(args.address);
    const port = pulumi.output(args.port ?? SSH_PORT);
    const hostKey = pulumi.output(args.hostKey);
    const { pin } = args;
    this.pin = pin;
    this.target =
      pin === undefined
        ? pulumi.output(args.evaluation).apply((evaluation): Wanted => targetOf(evaluation, host))
        : pulumi.output<Wanted>({ outPath: pin, pinned: true });

    const asked = askedOf(args);
    const seen = this.#ask(name, args, asked);
    this.inspect = () =>
      pulumi.all([asked, this.target]).apply(([known, { outPath }]) => probe({ ...known, outPath }));
    this.status = recoverWith(
      seen.apply((found) => (found.reached ? found.status : undefined)),
      () => undefined,
    );

    const install =
      args.install === undefined
        ? undefined
        : new Install(
            name,
            {
              ...args.install,
              host,
              user,
              port,
              hostKey,
              probe: seen,
              previous: args.previous,
              // A machine that is installed stays as it is while it is pinned, also when it does not answer.
              probed: this.probed && pin === undefined,
              target: this.target.apply((wanted) =>
                isPinned(wanted) ? pinnedInstallTarget(wanted) : wanted,
              ),
            },
            { parent: this },
          );
    const held = install?.probe ?? seen;
    const installed = install?.result.apply((told) => told.outcome !== "failed") ?? pulumi.output(true);
    const earlier = pulumi.all(
      (args.after ?? []).map((before) =>
        before.result.apply((result) => ({ result, converge: before.converge })),
      ),
    );

    const fresh = randomUUID();
    const refused = pulumi.output(args.refused);
    const token = pulumi
      .all([this.target, held, refused])
      .apply(([{ outPath }, found, why]) =>
        why === undefined ? wantedToken({ outPath, probe: found, converge, fresh }) : fresh,
      );
    const where = pulumi.all([address, port, hostKey]);
    const before = args.before?.(
      hostConnection(
        { user, identity, converge, probed: this.probed },
        pulumi.all([address, port, hostKey, held, installed, refused]),
      ),
    );
    const build = pulumi.output(args.build).apply((place): DeploySpecInput["build"] => place);
    const known = pulumi.all([this.target, seen, token, where, pulumi.output(args.push), build]).apply(
      ([target, found, tokenNow, [addressNow, portNow, key], push, buildNow]): DeploySpecInput => ({
        ...{ schemaVersion: 1, host, address: addressNow, port: portNow, user, hostKeys: [key] },
        managed: isManaged(found),
        ...(isPinned(target) ? {} : { drvPath: target.drvPath }),
        ...{ outPath: target.outPath, token: tokenNow, converge },
        ...(buildNow === undefined ? {} : { build: buildNow, signer: args.signer }),
        ...(push === undefined ? {} : { push }),
        ...(args.reboot === "allow" ? { reboot: args.reboot } : {}),
        ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
      }),
    );
    this.prefetchJob = recoverWith(
      pulumi.all([known, seen]).apply(([spec, found]) => prefetchJobOf(spec, found)),
      () => undefined,
    );
    const ready = pulumi.all([
      ...([known, earlier, installed, pulumi.output(args.provenance), refused, before] as const),
    ]);
    const spec = ready.apply(([told, earlierNow, isInstalled, provenance, why]) =>
      JSON.stringify({
        ...told,
        ...(why === undefined ? {} : { refused: why }),
        ...(provenance === undefined ? {} : { provenance }),
        heldBy: truncateNames([
          ...(args.held ?? []),
          ...heldBy(earlierNow),
          ...(isInstalled ? [] : [`${host} (not installed)`]),
        ]),
      } satisfies DeploySpecInput),
    );
    const deploy = new command.local.Command(
      `${name}-deploy`,
      {
        create: `exec sh ${PROGRAMS.deploy}`,
        environment: { PANTHEROS_DEPLOY: spec, PANTHEROS_NODE: process.execPath },
        triggers: [this.target.outPath, token],
        // Its progress; the result is a line of stdout.
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        ignoreChanges: [...IGNORED_COMMAND_INPUTS, ...(this.probed ? [] : ["triggers[1]"])],
      },
    );
    this.result = recoverWith(
      pulumi
        .all([deploy.stdout, install?.result])
        .apply(([stdout, told]) =>
          told?.outcome === "failed"
            ? installFailure(told)
            : withPower(readDeployResult(host, stdout), args.power),
        ),
      (reason) => resourceFailure(host, reason),
    );
    this.seen = seen;
    this.reboot = args.reboot ?? "never";
    this.registerOutputs({ result: this.result });
  }

  /** What the host says now, and what the state says of its last deploy where the host can't know. */
  #ask(name: string, args: NixosHostArgs, asked: pulumi.Output<ProbeArgs>): pulumi.Output<Probe> {
    if (!this.probed) return pulumi.output<Probe>(NOT_PROBED);
    return pulumi
      .all([probeAfterBoot(asked, args), this.target])
      .apply(async ([found, { outPath }]): Promise<Probe> => {
        if (!found.reached || !isUpToDate(found, outPath)) return found;
        const unfinished = (await args.previous?.())?.deploys[`${name}-deploy`];
        return unfinished === undefined || succeeded(unfinished) ? found : { ...found, unfinished };
      });
  }
}

/** What a machine is that has to boot first, or is off: that one is not asked. */
function probeAfterBoot(
  asked: pulumi.Output<ProbeArgs>,
  { power, bootSeconds = DEFAULT_SECONDS.install.boot }: NixosHostArgs,
): pulumi.Output<Probe> {
  if (power === undefined) return asked.apply(probe);
  if (power.is === "starting") return asked.apply((known) => probeUntilReached(known, bootSeconds));
  const { reason, hint } = power;
  return asked.apply((): Probe => ({ reached: false, reason, hint }));
}

/** Known before the evaluation is, so that hosts answer while it runs. */
const askedOf = (args: NixosHostArgs): pulumi.Output<ProbeArgs> =>
  pulumi.all([args.address, args.port ?? SSH_PORT, args.hostKey]).apply(([address, port, hostKey]) => ({
    ...{ host: args.host, address, port, hostKey, user: args.user },
    ...{ identity: args.identity, maybeUnmanaged: args.maybeUnmanaged },
    ...{ connectSeconds: args.seconds?.connect, timeoutSeconds: args.seconds?.probe },
  }));

/** @throws RunError naming the host that the flake does not have. */
export function targetOf(evaluation: Evaluation, host: string): Target {
  const target = evaluation[host];
  if (target === undefined) throw new pulumi.RunError(`the flake's deployTargets has no host "${host}"`);
  return target;
}
