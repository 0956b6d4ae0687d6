/** The resource of a first install: it acts when the machine is new, and as long as no attempt has ended well. */

import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../../deployer/evaluate.ts";
import type { InstallSecrets, InstallSpecInput } from "../../deployer/install/spec.ts";
import type { Probe } from "../../deployer/probe.ts";
import { nodeCommand, PROGRAMS } from "../../deployer/programs.ts";
import { type InstallResult, readInstallResult } from "../../deployer/protocol/result.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { installTriggers, isReinstall } from "./install-triggers.ts";
import type { PreviousResults } from "./previous.ts";

export interface InstallArgs {
  readonly host: string;
  /** The account that deploys. */
  readonly user: string;
  readonly address: pulumi.Input<string>;
  readonly port: pulumi.Input<number>;
  /** Public half of the machine's own host key. */
  readonly hostKey: pulumi.Input<string>;
  /** Its private half. Secret: it goes to standard input only. */
  readonly hostPrivateKey: pulumi.Input<string>;
  /** Public half of the throw-away key that the created machine shows; no other machine is ever installed. */
  readonly bootstrapKey: pulumi.Input<string>;
  /** The vendor's id of the machine: another machine is another install. */
  readonly machineId: pulumi.Input<string>;
  /** What the machine must have at its first boot, such as its key to the tailnet and the token that it reads its secrets with; name -> value. Secret. */
  readonly secrets?: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
  /** Id (`/etc/machine-id`) of the machine that may be wiped although it is installed. */
  readonly reinstall?: string | undefined;
  /** How the server is spoken of at the vendor. */
  readonly hetzner?: Omit<NonNullable<InstallSpecInput["hetzner"]>, "server">;
  readonly target: pulumi.Input<Target>;
  readonly probe: pulumi.Input<Probe>;
  readonly probed: boolean;
  /** What the state says of the stack's installs. */
  readonly previous?: (() => Promise<Pick<PreviousResults, "installs">>) | undefined;
  readonly seconds?: InstallSpecInput["seconds"];
}

export class Install extends pulumi.ComponentResource {
  readonly result: pulumi.Output<InstallResult>;
  /** The probe as far as it still holds when the install has ended: what a machine that was wiped had said does not. */
  readonly probe: pulumi.Output<Probe>;

  constructor(name: string, args: InstallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Install", name, {}, opts);
    const fresh = randomUUID();
    const seen = pulumi.output(args.probe);
    const { host, user, reinstall, hetzner } = args;
    // After the machine's id is known: then there is a state.
    const decided = pulumi.all([args.machineId, seen]).apply(async ([machineId, found]) => {
      const previous = (await args.previous?.())?.installs[`${name}-install`];
      const triggers = installTriggers({ machineId, reinstall, probe: found, previous, fresh });
      return { triggers, wipes: found.reached && isReinstall(reinstall, triggers, previous) };
    });
    const spec = pulumi
      .all([args.target, args.address, args.port, args.hostKey, args.bootstrapKey, args.machineId])
      .apply(([{ drvPath, outPath, disko }, address, port, hostKey, bootstrapKey, machineId]) =>
        JSON.stringify({
          ...{ schemaVersion: 1, host, user, address, port, hostKey, bootstrapKey, drvPath, outPath },
          ...(disko === undefined ? {} : { disko }),
          ...(reinstall === undefined ? {} : { reinstall }),
          ...(hetzner === undefined ? {} : { hetzner: { ...hetzner, server: Number(machineId) } }),
          ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
        } satisfies InstallSpecInput),
      );
    const stdin = pulumi
      .all([args.hostPrivateKey, args.secrets ?? {}])
      .apply(([hostKey, secrets]) => JSON.stringify({ hostKey, secrets } satisfies InstallSecrets));
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
    // Nothing of standard input is ever printed; without this the whole output would count as secret.
    this.result = pulumi.unsecret(install.stdout.apply((stdout) => readInstallResult(host, stdout)));
    this.probe = pulumi
      .all([decided, seen])
      .apply(
        ([{ wipes }, found]): Probe => (wipes ? { reached: false, reason: "it is installed again" } : found),
      );
    this.registerOutputs({ result: this.result });
  }
}
