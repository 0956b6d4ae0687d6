/** The resource of a first install: it acts when the machine is new, and when the last attempt failed. */
import { createHash, randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandInputsIgnored } from "../command-inputs.ts";
import type { Target } from "./evaluate.ts";
import { type InstallSpecInput, installMark } from "./install/spec.ts";
import type { Probe } from "./probe.ts";
import { type InstallResult, readInstallResult } from "./result.ts";

export interface InstallArgs {
  readonly host: string;
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
  readonly target: pulumi.Input<Target>;
  readonly probe: pulumi.Input<Probe>;
  readonly probed: boolean;
  readonly seconds?: InstallSpecInput["seconds"];
}

/** What the trigger of an install is when the machine holds no mark of one: it was installed by other means. */
const foundThere = "present";

/**
 * As for deploys: the machine keeps the mark of its install, and tells the probe its sum, so that an installed machine
 * shows no change. One that does not answer gets a fresh mark, and the install looks at it again: if it is installed
 * already, it only takes the mark. A machine that is merely down is not touched, as it does not show the throw-away key.
 */
export function installTrigger(probe: Probe, fresh: string): string {
  if (!probe.reached) return createHash("sha256").update(fresh).digest("hex");
  return probe.status.secrets?.[installMark] ?? foundThere;
}

export class Install extends pulumi.ComponentResource {
  readonly result: pulumi.Output<InstallResult>;

  constructor(name: string, args: InstallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:nixos:Install", name, {}, opts);
    const fresh = randomUUID();
    const seen = pulumi.output(args.probe);
    const spec = pulumi
      .all([args.target, seen, args.address, args.port, args.hostKey, args.bootstrapKey])
      .apply(([{ drvPath, outPath, disko }, found, address, port, hostKey, bootstrapKey]) =>
        JSON.stringify({
          ...{ schemaVersion: 1, host: args.host, address, port, hostKey, bootstrapKey, drvPath, outPath },
          ...(disko === undefined ? {} : { disko }),
          // A machine that answers keeps the mark it has: the trigger is made from it.
          ...(found.reached ? {} : { mark: fresh }),
          ...(args.seconds === undefined ? {} : { seconds: args.seconds }),
        } satisfies InstallSpecInput),
      );
    const install = new command.local.Command(
      `${name}-install`,
      {
        create: 'exec "$PANTHEROS_NODE" components/nixos-host/install/main.ts',
        environment: { PANTHEROS_INSTALL: spec, PANTHEROS_NODE: process.execPath },
        stdin: pulumi.secret(args.hostPrivateKey),
        triggers: [args.machineId, seen.apply((found) => installTrigger(found, fresh))],
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        ignoreChanges: [...commandInputsIgnored, ...(args.probed ? [] : ["triggers[1]"])],
      },
    );
    // Nothing of standard input is ever printed; without this the whole output would count as secret.
    this.result = pulumi.unsecret(install.stdout.apply((stdout) => readInstallResult(args.host, stdout)));
    this.registerOutputs({ result: this.result });
  }
}
