/** The first install: runs for a new machine, and in every run until an attempt succeeds. */

import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../../deployer/evaluation/target.ts";
import type { InstallSecrets, InstallSpecInput } from "../../deployer/install/spec.ts";
import type { Probe } from "../../deployer/probe.ts";
import { nodeCommand, PROGRAMS } from "../../deployer/programs.ts";
import { type InstallResult, readInstallResult } from "../../deployer/protocol/result.ts";
import type { SshJump } from "../../deployer/ssh.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { installTriggers, isDone, isReinstall } from "./install-triggers.ts";
import type { PreviousResults } from "./previous.ts";

export interface InstallArgs {
  readonly host: string;
  /** The deploy user. */
  readonly user: string;
  readonly address: pulumi.Input<string>;
  readonly port: pulumi.Input<number>;
  readonly jumps?: pulumi.Input<SshJump[]> | undefined;
  /** Public part of the machine's own host key. */
  readonly hostKey: pulumi.Input<string>;
  /** Its private part. Secret: passed on standard input only. */
  readonly hostPrivateKey: pulumi.Input<string>;
  /** Public part of the throw-away key that the created machine shows; no other machine is ever installed. */
  readonly bootstrapKey: pulumi.Input<string>;
  /** The vendor's id of the machine: a different machine needs its own install. */
  readonly machineId: pulumi.Input<string>;
  /** Secrets that the machine needs at its first boot, such as its tailnet key: name -> value. */
  readonly secrets?: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
  /**
   * Why a secret is missing that later connections need, such as the tailnet key. If set, nothing
   * is installed.
   */
  readonly missing?: pulumi.Input<string | undefined>;
  /** Id (`/etc/machine-id`) of the machine that may be wiped although it is installed. */
  readonly reinstall?: string | undefined;
  /** What the installer needs to call the vendor's API; the server's id is `machineId`. */
  readonly provider?: Omit<NonNullable<InstallSpecInput["provider"]>, "server">;
  readonly target: pulumi.Input<Target>;
  readonly probe: pulumi.Input<Probe>;
  readonly probed: boolean;
  /** Reads the stack's earlier installs from its state. */
  readonly previous?: (() => Promise<Pick<PreviousResults, "installs">>) | undefined;
  readonly seconds?: InstallSpecInput["seconds"];
}

export class Install extends pulumi.ComponentResource {
  readonly result: pulumi.Output<InstallResult>;
  /** The probe as it holds after the install: the answer of a machine that is wiped does not. */
  readonly probe: pulumi.Output<Probe>;

  constructor(name: string, args: InstallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Install", name, {}, opts);
    const fresh = randomUUID();
    const seen = pulumi.output(args.probe);
    const { host, user, reinstall, provider } = args;
    // The machine's id is known only once it exists, and then the stack has a state.
    const decided = pulumi.all([args.machineId, seen]).apply(async ([machineId, found]) => {
      const previous = (await args.previous?.())?.installs[`${name}-install`];
      const triggers = installTriggers({ machineId, reinstall, probe: found, previous, fresh });
      const wipes = found.reached && isReinstall(reinstall, triggers, previous);
      return { triggers, wipes, installs: wipes || (!found.reached && !isDone(triggers, previous)) };
    });
    const spec = pulumi
      .all([
        ...([args.target, args.address, args.port, args.hostKey, args.bootstrapKey, args.machineId] as const),
        pulumi.output(args.jumps),
      ])
      .apply(([{ drvPath, outPath, disko }, address, port, hostKey, bootstrapKey, machineId, jumps]) =>
        JSON.stringify({
          schemaVersion: 1,
          host,
          user,
          address,
          port,
          ...(jumps !== undefined && { jumps }),
          hostKey,
          bootstrapKey,
          drvPath,
          outPath,
          ...(disko !== undefined && { disko }),
          ...(reinstall !== undefined && { reinstall }),
          ...(provider !== undefined && { provider: { ...provider, server: machineId } }),
          ...(args.seconds !== undefined && { seconds: args.seconds }),
        } satisfies InstallSpecInput),
      );
    const stdin = pulumi
      .all([args.hostPrivateKey, args.secrets ?? {}, args.missing, decided])
      .apply(([hostKey, secrets, missing, { installs }]) => {
        if (installs && missing !== undefined) throw new Error(missing);
        return JSON.stringify({ hostKey, secrets } satisfies InstallSecrets);
      });
    const install = new command.local.Command(
      `${name}-install`,
      {
        create: nodeCommand(PROGRAMS.install),
        environment: { PANTHEROS_INSTALL: spec, PANTHEROS_NODE: process.execPath },
        stdin: pulumi.secret(stdin),
        triggers: [
          decided.apply(({ triggers }) => triggers[0]),
          decided.apply(({ triggers }) => triggers[1]),
        ],
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        ignoreChanges: [...IGNORED_COMMAND_INPUTS, ...(args.probed ? [] : ["triggers[1]"])],
      },
    );
    // The program never prints its standard input; without this the whole output would be secret.
    this.result = pulumi.unsecret(install.stdout.apply((stdout) => readInstallResult(host, stdout)));
    this.probe = pulumi
      .all([decided, seen])
      .apply(
        ([{ wipes }, found]): Probe => (wipes ? { reached: false, reason: "this run reinstalls it" } : found),
      );
    this.registerOutputs({ result: this.result });
  }
}
