import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import {
  type DeliveryPeer,
  type DeliveryResult,
  deliveryCommand,
  deliveryInput,
  deliveryToken,
  parseDelivery,
  type SecretSums,
} from "../../deployer/secrets/delivery.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { sha256 } from "../../lib/sha256.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";

export interface SecretDeliveryArgs {
  /** Host name in the inventory: what its key is pinned under. */
  readonly host: string;
  /** Name on the host: 1 to 59 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit. */
  readonly secret: string;
  readonly value: pulumi.Input<string>;
  /** False: `value` was not read, so neither it nor what the host has is compared. True by default. */
  readonly read?: boolean;
  readonly peer: pulumi.Input<DeliveryPeer>;
  /** What the probe saw on the host; undefined when it did not answer. */
  readonly present: pulumi.Input<SecretSums | undefined>;
  /** `best-effort`: a host that does not answer is no change. `must` by default. */
  readonly converge?: "must" | "best-effort";
  /** False: nobody looked (a preview without access), so what the host has is left out of the diff. True by default. */
  readonly probed?: boolean;
  /** Bound of each of the two connections. 30 by default. */
  readonly timeoutSeconds?: number;
}

/**
 * Brings one secret to one host, through standard input. Never fails by itself: `result` says what happened, and the stack's
 * verdict judges it. Removing it leaves the secret on the host.
 *
 * Where the host is installed by this program, make it depend on that installation.
 */
export class SecretDelivery extends pulumi.ComponentResource {
  readonly result: pulumi.Output<DeliveryResult>;

  constructor(name: string, args: SecretDeliveryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:secrets:Delivery", name, {}, opts);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,58}$/.test(args.secret) || args.secret.endsWith(".mark")) {
      throw new pulumi.RunError(
        `secrets.${args.secret}: not a name a host takes: 1 to 59 of A-Z a-z 0-9 . _ -, not ending in ".mark"`,
      );
    }
    const {
      host,
      secret,
      timeoutSeconds: seconds = DEFAULT_SECONDS.secret,
      probed = true,
      converge = "must",
      read = true,
    } = args;
    const value = pulumi.secret(args.value);
    const wanted = value.apply(sha256);
    const mark = randomUUID();
    const fresh = sha256(mark);
    // Not secret: the hash of a random mark. It shows in a preview why the delivery is due.
    const token = pulumi.unsecret(
      pulumi
        .all([wanted, args.present])
        .apply(([sum, present]) => deliveryToken({ secret, wanted: sum, fresh, present, converge })),
    );
    const delivery = new command.local.Command(
      `${name}-delivery`,
      {
        create: pulumi.all([args.peer, token]).apply(([peer, due]) =>
          // The mark on the host stays when it is the token already, or the next run would see another one.
          deliveryCommand({ host, secret, mark: due === fresh ? mark : "", seconds, peer }),
        ),
        stdin: value.apply(deliveryInput),
        // Whether the secret changed, and whether the host lost it.
        triggers: [wanted, token],
        logging: "none",
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        additionalSecretOutputs: ["stdout", "stderr"],
        ignoreChanges: [
          ...IGNORED_COMMAND_INPUTS,
          ...(read ? [] : ["triggers"]),
          ...(probed ? [] : ["triggers[1]"]),
        ],
      },
    );
    // Safe to show: parseDelivery takes nothing but the script's own words.
    this.result = pulumi.unsecret(delivery.stdout.apply(parseDelivery));
    this.registerOutputs({ result: this.result });
  }
}
