/** One NixOS machine that runs what the flake says: installed when it is new, deployed to, and read back. */
import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandInputsIgnored } from "../command-inputs.ts";
import { type DeploySpecInput, shortList } from "./deploy/spec.ts";
import type { Evaluation, Target } from "./evaluate.ts";
import { Install, type InstallArgs } from "./install.ts";
import { previewText } from "./preview.ts";
import { type Probe, probe } from "./probe.ts";
import { type DeployResult, readDeployResult } from "./result.ts";
import type { SupervisorStatus } from "./supervisor.ts";
import { wantedToken } from "./token.ts";
import { heldBy } from "./waves.ts";

/** How something else of the stack reaches the host, once it is installed and before its deploy. */
export interface Contact {
  readonly peer: pulumi.Output<{
    readonly address: string;
    readonly port: number;
    /** The deploy user; root on a machine that was never managed. */
    readonly user: string;
    readonly identity?: string;
    readonly hostKey: string;
    /** It has a supervisor. */
    readonly managed: boolean;
  }>;
  /** Secrets that the host had when it was asked; undefined when it did not answer. */
  readonly present: pulumi.Output<Readonly<Record<string, string>> | undefined>;
  readonly converge: "must" | "best-effort";
  readonly probed: boolean;
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
  /** Hosts of earlier waves; see waitsFor in waves.ts. */
  readonly after?: readonly NixosHost[];
  /** For a machine that is created: how it becomes NixOS. */
  readonly install?: Omit<InstallArgs, "host" | "port" | "hostKey" | "probe" | "probed" | "target">;
  /** Binary cache that closures are pushed to first. */
  readonly push?: pulumi.Input<string | undefined>;
  /** What must have happened on the host before its deploy, such as its secrets' arrival. */
  readonly before?: (contact: Contact) => pulumi.Input<unknown>;
  /** Limits in seconds. */
  readonly seconds?: DeploySpecInput["seconds"];
}

/**
 * `result` is what became of the last deploy and never fails by itself: the stack's Verdict judges it. A host that is as
 * wanted shows no change; anything else (another closure, drift, a rollback, a held wave) shows one and is acted upon.
 */
export class NixosHost extends pulumi.ComponentResource {
  readonly hostname: string;
  readonly converge: "must" | "best-effort";
  readonly result: pulumi.Output<DeployResult>;
  /** What the host said of itself at the start of this run; undefined when it was not asked or did not answer. */
  readonly status: pulumi.Output<SupervisorStatus | undefined>;
  /** Whether it was asked. */
  readonly probed: boolean;
  readonly target: pulumi.Output<Target>;

  constructor(name: string, args: NixosHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Host", name, {}, opts);
    const { host, converge, user, identity } = args;
    this.hostname = host;
    this.converge = converge;
    this.probed = args.probe ?? true;
    const address = pulumi.output(args.address);
    const port = pulumi.output(args.port ?? 22);
    const hostKey = pulumi.output(args.hostKey);
    this.target = pulumi.output(args.evaluation).apply((evaluation) => targetOf(evaluation, host));

    const seen: pulumi.Output<Probe> = this.probed
      ? probe(
          pulumi
            .all([address, port, hostKey, this.target])
            .apply(([addressNow, portNow, key, { outPath }]) => ({
              ...{ host, address: addressNow, port: portNow, hostKey: key, outPath, user, identity },
              maybeUnmanaged: args.maybeUnmanaged,
            })),
          { parent: this },
        )
      : pulumi.output<Probe>({ reached: false, reason: "not asked" });
    this.status = seen.apply((found) => (found.reached ? found.status : undefined));

    const install =
      args.install === undefined
        ? undefined
        : new Install(
            name,
            {
              ...args.install,
              host,
              port,
              hostKey,
              probe: seen,
              probed: this.probed,
              target: this.target,
            },
            { parent: this },
          );
    const installed = install?.result.apply((told) => told.outcome !== "failed") ?? pulumi.output(true);
    const earlier = pulumi.all(
      (args.after ?? []).map((before) =>
        before.result.apply((result) => ({ result, converge: before.converge })),
      ),
    );

    const fresh = randomUUID();
    const token = pulumi
      .all([this.target, seen])
      .apply(([{ outPath }, found]) => wantedToken({ outPath, probe: found, converge, fresh }));
    const where = pulumi.all([address, port, hostKey]);
    const before = args.before?.(
      contactOf(
        { user, identity, converge, probed: this.probed },
        pulumi.all([address, port, hostKey, seen, installed]),
      ),
    );
    const waited = pulumi.all([earlier, installed, args.push, before]);
    const spec = pulumi
      .all([this.target, seen, token, where, waited])
      .apply(([target, found, tokenNow, [addressNow, portNow, key], [earlierNow, isInstalled, push]]) =>
        JSON.stringify({
          ...{ schemaVersion: 1, host, address: addressNow, port: portNow, user, hostKeys: [key] },
          managed: !(found.reached && found.status.version === 0),
          ...{ drvPath: target.drvPath, outPath: target.outPath, token: tokenNow, converge },
          heldBy: shortList([...heldBy(earlierNow), ...(isInstalled ? [] : [`${host} (not installed)`])]),
          ...(push === undefined ? {} : { push }),
          ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
        } satisfies DeploySpecInput),
      );
    const deploy = new command.local.Command(
      `${name}-deploy`,
      {
        create: 'exec "$PANTHEROS_NODE" components/nixos-host/deploy/main.ts',
        environment: { PANTHEROS_DEPLOY: spec, PANTHEROS_NODE: process.execPath },
        triggers: [this.target.outPath, token],
        // Its progress; the result is a line of stdout.
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        ignoreChanges: [...commandInputsIgnored, ...(this.probed ? [] : ["triggers[1]"])],
      },
    );
    this.result = deploy.stdout.apply((stdout) => readDeployResult(host, stdout));
    if (pulumi.runtime.isDryRun()) explain(host, this.target, seen, deploy);
    this.registerOutputs({ result: this.result });
  }
}

/** Resolves when the host is installed, if that is this program's to do. */
function contactOf(
  {
    user,
    identity,
    converge,
    probed,
  }: Pick<Contact, "converge" | "probed"> & { user: string; identity?: string | undefined },
  known: pulumi.Output<[string, number, string, Probe, boolean]>,
): Contact {
  return {
    peer: known.apply(([address, port, hostKey, found]) => {
      const managed = !(found.reached && found.status.version === 0);
      return {
        address,
        port,
        hostKey,
        managed,
        user: managed ? user : "root",
        ...(identity && { identity }),
      };
    }),
    present: known.apply(([, , , found]) => (found.reached ? (found.status.secrets ?? {}) : undefined)),
    converge,
    probed,
  };
}

/** @throws RunError naming the host that the flake does not have. */
export function targetOf(evaluation: Evaluation, host: string): Target {
  const target = evaluation[host];
  if (target === undefined) throw new pulumi.RunError(`the flake's deployTargets has no host "${host}"`);
  return target;
}

/** The preview's text, attached to the resource so that it stands beside it, also in a pull request's comment. */
function explain(
  host: string,
  target: pulumi.Output<Target>,
  seen: pulumi.Output<Probe>,
  resource: pulumi.Resource,
): void {
  pulumi.all([target, seen]).apply(async ([wanted, found]) => {
    const text = found.reached || found.reason !== "not asked" ? previewText(host, wanted, found) : undefined;
    if (text !== undefined) await pulumi.log.info(text, resource);
  });
}
