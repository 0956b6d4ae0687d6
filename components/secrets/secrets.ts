import * as onepassword from "@1password/pulumi-onepassword";
import * as pulumi from "@pulumi/pulumi";
import { warnMissingItems } from "./missing-items.ts";
import { Vault, type VaultAccess } from "./vault.ts";

/** A secret that a host needs. */
export interface SecretRequest {
  readonly host: string;
  /** Name on the host: `/var/lib/pantheros/secrets/NAME`. */
  readonly name: string;
  /** Secret reference, `op://vault/item/field`. */
  readonly reference: string;
  /** Tried when nothing is at `reference`: the secret under a renamed host's former name. */
  readonly formerReference?: string;
}

/** A secret to deliver to a host. */
export interface HostSecret {
  readonly host: string;
  /** Name on the host. */
  readonly name: string;
  /** Secret. */
  readonly value: pulumi.Output<string>;
  /** False: `value` is a placeholder, because the secret was not read. */
  readonly read: boolean;
}

/** A value that the program created and stores in the vault, for people and for hosts that read it there. */
export interface StoredSecret {
  /** Part of the resource's name. */
  readonly key: string;
  /** Title of the item. */
  readonly title: string;
  readonly value: pulumi.Input<string>;
}

export interface SecretsArgs extends VaultAccess {
  readonly stack: string;
  /** Vault, by name or id, that new items go to. */
  readonly vault: string;
  readonly requests: readonly SecretRequest[];
  readonly stored?: readonly StoredSecret[];
  /**
   * False: nothing is read, not even the vault's id; for previews without access to the secrets. Values
   * are empty then, and what depends on them is left out of the diff. True by default.
   */
  readonly read?: boolean;
}

/**
 * Secrets of one stack: reads what its hosts need from 1Password, and stores there what the program
 * created. All values are Pulumi secrets; delivery.ts delivers them to the hosts.
 *
 * Access: a service account (OP_SERVICE_ACCOUNT_TOKEN) that may read the vaults of the references and write to `vault`.
 */
export class Secrets extends pulumi.ComponentResource {
  readonly #values: ReadonlyMap<string, pulumi.Output<string>>;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:secrets:Secrets", name, {}, opts);
    const vault = new Vault(`${name}-vault`, args, this);
    const read = args.read ?? true;
    this.#values = new Map(
      args.requests.map(({ host, name: secret, reference, formerReference }) => [
        `${host}/${secret}`,
        read ? vault.read(reference, formerReference) : pulumi.secret(""),
      ]),
    );
    // One after the other: 1Password refuses concurrent writes to a vault.
    let previous: onepassword.Item | undefined;
    for (const { key, title, value } of args.stored ?? []) {
      previous = new onepassword.Item(
        `${name}-item-${key}`,
        {
          vault: read ? vault.idOf(args.vault) : "not read",
          title,
          category: "password",
          password: pulumi.secret(value),
          tags: ["pantheros", args.stack],
        },
        {
          parent: this,
          provider: vault.provider,
          ...(previous && { dependsOn: [previous] }),
          ...(!read && { ignoreChanges: ["vault"] }),
        },
      );
    }
    if (read) {
      const prefix = `${name}-item-`;
      const wanted = new Set((args.stored ?? []).map(({ key }) => `${prefix}${key}`));
      void warnMissingItems(vault, { stack: args.stack, prefix, wanted });
    }
    this.registerOutputs({});
  }

  /**
   * A host's secret. Always a Pulumi secret.
   * @throws Error when it was not requested.
   */
  secretFor(host: string, name: string): pulumi.Output<string> {
    const value = this.#values.get(`${host}/${name}`);
    if (value === undefined) throw new Error(`secret "${name}" was not requested for host "${host}"`);
    return value;
  }
}
