import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { parseSshPublicKey } from "../../lib/ssh-public-key.ts";

/** Resources that the servers of one stack share. */
export interface HetznerAccountArgs {
  /** Prefix of the names, which are unique in a project. */
  readonly stack: string;
  /** Public keys that may log in as root to a machine that is not installed yet: key name -> `type base64`. */
  readonly publicKeys: Readonly<Record<string, pulumi.Input<string>>>;
  /** Placement groups (at most 10 servers each): servers of one group never share a physical machine. */
  readonly placementGroups?: readonly string[];
}

/** Vendor ids are strings in Pulumi, references to them numbers. */
export const idNumber = (id: pulumi.Output<pulumi.ID>): pulumi.Output<number> => id.apply(Number);

/**
 * SSH keys and placement groups of a stack. The vendor refuses a public key that it already has, so
 * they belong to the stack and not to each server.
 */
export class HetznerAccount extends pulumi.ComponentResource {
  /** Ids to pass to each server, in the order of their names. */
  readonly sshKeys: pulumi.Output<string>[];
  /** Group name -> id. */
  readonly placementGroups: Readonly<Record<string, pulumi.Output<number>>>;

  constructor(name: string, args: HetznerAccountArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:hetzner:Account", name, {}, opts);
    const labels = { "managed-by": "pantheros", stack: args.stack };
    const keys = Object.entries(args.publicKeys).sort(([a], [b]) => (a < b ? -1 : 1));
    this.sshKeys = keys.map(([key, publicKey]) => {
      const resource = new hcloud.SshKey(
        `${name}-key-${key}`,
        {
          name: `${args.stack}-${key}`,
          // Without the comment: a changed comment would replace the key.
          publicKey: pulumi.output(publicKey).apply((line) => parseSshPublicKey(line).line),
          labels,
        },
        { parent: this, deleteBeforeReplace: true },
      );
      return resource.id;
    });
    this.placementGroups = Object.fromEntries(
      [...new Set(args.placementGroups)].map((group) => [
        group,
        idNumber(
          new hcloud.PlacementGroup(
            `${name}-placement-${group}`,
            { name: `${args.stack}-${group}`, type: "spread", labels },
            { parent: this, deleteBeforeReplace: true },
          ).id,
        ),
      ]),
    );
    this.registerOutputs({ sshKeys: this.sshKeys, placementGroups: this.placementGroups });
  }
}
