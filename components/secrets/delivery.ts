import { randomUUID } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import {
  type DeliveryPeer,
  type DeliveryResult,
  deliveryCommand,
  deliveryInput,
  dueDelivery,
  type PresentSecrets,
  parseDelivery,
} from "../../deployer/secrets/delivery.ts";
import { DEFAULT_SECONDS } from "../../inventory/seconds.ts";
import { sha256 } from "../../lib/sha256.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { commandsIn, readStackStateIfAny } from "../stack-state.ts";

const commandName = (name: string): string => `${name}-delivery`;

/**
 * SHA-256 of the secret that the last delivery in the state brought to the host. '' when that
 * delivery failed, or when the state can't be read: the secret is then delivered again. Undefined:
 * the state has no delivery.
 */
async function lastDelivered(names: readonly string[]): Promise<string | undefined> {
  const state = await readStackStateIfAny();
  if (state === undefined) return "";
  const commands = commandsIn(state);
  const last = names.map((name) => commands.get(name)).find((command) => command !== undefined);
  return last && deliveredSum(last);
}

/** Errors of the parser are not printed: they could contain text around the result, and so the secret. */
function deliveredSum({ stdout, triggers }: Readonly<Record<string, unknown>>): string {
  if (typeof stdout !== "string" || !Array.isArray(triggers)) return "";
  try {
    return parseDelivery(stdout).outcome === "delivered" ? String(triggers[0]) : "";
  } catch {
    return "";
  }
}

export interface SecretDeliveryArgs {
  /** Host name in the inventory, under which its host key is pinned. */
  readonly host: string;
  /** Name on the host: 1 to 59 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit. */
  readonly secret: string;
  readonly value: pulumi.Input<string>;
  /** False: `value` was not read, so it is not compared with the host's. True by default. */
  readonly read?: boolean;
  readonly peer: pulumi.Input<DeliveryPeer>;
  /** Secrets that the probe found on the host; undefined when it did not answer. */
  readonly present: pulumi.Input<PresentSecrets | undefined>;
  /** Name of this resource before its host was renamed. */
  readonly formerly?: string | undefined;
  /** `best-effort`: a host that does not answer shows no change. `must` (required) by default. */
  readonly converge?: "must" | "best-effort";
  /**
   * False: the host was not asked for its secrets (a preview without access), so they are left out
   * of the diff. True by default.
   */
  readonly probed?: boolean;
  /** Bound of each of the two connections. 30 by default. */
  readonly timeoutSeconds?: number;
}

/**
 * Delivers one secret to one host over standard input. It never fails by itself: the stack's verdict
 * evaluates `result`. Removing the resource leaves the secret on the host.
 *
 * If this program installs the host, the delivery must depend on that installation.
 */
export class SecretDelivery extends pulumi.ComponentResource {
  readonly result: pulumi.Output<DeliveryResult>;

  constructor(name: string, args: SecretDeliveryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:secrets:Delivery", name, {}, opts);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,58}$/.test(args.secret) || args.secret.endsWith(".mark")) {
      throw new pulumi.RunError(
        `secrets.${args.secret}: not a valid name on a host: 1 to 59 of A-Z a-z 0-9 . _ -, not ending in ".mark"`,
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
    const fresh = randomUUID();
    const names = [name, ...(args.formerly === undefined ? [] : [args.formerly])];
    const lastSum = lastDelivered(names.map(commandName));
    // Marks are random and tokens are their hashes, so neither is secret. A preview shows the
    // token's change as the reason for the delivery.
    const due = pulumi.unsecret(
      pulumi
        .all([wanted, args.present, lastSum])
        .apply(([sum, present, last]) =>
          dueDelivery({ secret, wanted: sum, last, fresh, present, converge }),
        ),
    );
    const delivery = new command.local.Command(
      commandName(name),
      {
        create: pulumi
          .all([args.peer, due])
          .apply(([peer, { mark }]) => deliveryCommand({ host, secret, mark, seconds, peer })),
        stdin: value.apply(deliveryInput),
        // They change when the secret changed, and when the host lost it.
        triggers: [wanted, due.token],
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
    // Safe to show: parseDelivery accepts only the script's own messages.
    this.result = pulumi.unsecret(delivery.stdout.apply(parseDelivery));
    this.registerOutputs({ result: this.result });
  }
}
