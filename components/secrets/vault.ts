import * as onepassword from "@1password/pulumi-onepassword";
import * as pulumi from "@pulumi/pulumi";
import { messageOf } from "../../lib/message-of.ts";
import { fieldOf, isVaultId, parseReference, vaultProblem } from "./reference.ts";

/** The `op` command's message for a missing item. Source: 1Password CLI 2, `op item get`. */
const NO_ITEM = /isn't an item/;

/** How to reach 1Password. The service account's token comes from OP_SERVICE_ACCOUNT_TOKEN; in the state it is a secret. */
export interface VaultAccess {
  /** Path of the `op` command when it is neither on PATH nor in OP_CLI_PATH. */
  readonly opCliPath?: pulumi.Input<string> | undefined;
}

/**
 * The only access to 1Password. It marks every value as secret, because the provider's own functions do
 * not. Nothing else in the program may call them (a test checks this).
 *
 * Items and vaults are fetched once per run, in previews too.
 */
export class Vault {
  readonly #provider: onepassword.Provider;
  readonly #parent: pulumi.Resource;
  readonly #ids = new Map<string, pulumi.Output<string>>();
  readonly #items = new Map<string, pulumi.Output<onepassword.GetItemResult>>();

  constructor(name: string, access: VaultAccess, parent: pulumi.Resource) {
    this.#parent = parent;
    // Passed explicitly: the provider writes tokens that it reads from the environment to the state in plain text.
    const token = process.env["OP_SERVICE_ACCOUNT_TOKEN"];
    const connectToken = process.env["OP_CONNECT_TOKEN"];
    this.#provider = new onepassword.Provider(
      name,
      {
        ...(token && { serviceAccountToken: pulumi.secret(token) }),
        ...(connectToken && { token: pulumi.secret(connectToken) }),
        ...(access.opCliPath !== undefined && { opCliPath: access.opCliPath }),
      },
      { parent },
    );
  }

  /** For resources that write items. */
  get provider(): onepassword.Provider {
    return this.#provider;
  }

  /** Id of a vault given by name or id. */
  idOf(vault: string): pulumi.Output<string> {
    if (isVaultId(vault)) return pulumi.output(vault);
    const known = this.#ids.get(vault);
    if (known) return known;
    const found = pulumi.output(
      onepassword
        .getVault({ name: vault }, this.#options())
        .then(({ uuid }) => uuid)
        .catch((error: Error) => {
          throw new pulumi.RunError(vaultProblem(`vault "${vault}"`, error));
        }),
    );
    this.#ids.set(vault, found);
    return found;
  }

  /**
   * The value at a reference, or else the one at `former`. Secret.
   * @throws Error at once when the text is not a reference; a missing vault, item or field fails the output.
   */
  read(reference: string, former?: string): pulumi.Output<string> {
    const { vault, item } = parseReference(reference);
    if (former === undefined) return this.#item(vault, item).apply((fields) => fieldOf(fields, reference));
    const before = parseReference(former);
    const found = this.idOf(vault).apply(async (id) => {
      try {
        return fieldOf(await onepassword.getItem({ vault: id, title: item }, this.#options()), reference);
      } catch (error) {
        const value = await this.#former(id, before.item, former);
        if (value === undefined) {
          throw new pulumi.RunError(vaultProblem(reference, error as Error));
        }
        pulumi.log.warn(`1Password: nothing at ${reference}; used ${former} instead: rename the item`);
        return value;
      }
    });
    return pulumi.secret(found);
  }

  /** Whether an item, given by ids, no longer exists; false when 1Password does not answer. */
  async isGone(vault: string, uuid: string): Promise<boolean> {
    try {
      await onepassword.getItem({ vault, uuid }, this.#options());
      return false;
    } catch (error) {
      return NO_ITEM.test(messageOf(error));
    }
  }

  /** The value under a former title; undefined if there is none. */
  async #former(vaultId: string, title: string, reference: string): Promise<string | undefined> {
    try {
      return fieldOf(await onepassword.getItem({ vault: vaultId, title }, this.#options()), reference);
    } catch {
      return undefined;
    }
  }

  #item(vault: string, title: string): pulumi.Output<onepassword.GetItemResult> {
    const key = `${vault}/${title}`;
    const known = this.#items.get(key);
    if (known) return known;
    const fetched = this.idOf(vault).apply((id) =>
      onepassword.getItem({ vault: id, title }, this.#options()).catch((error: Error) => {
        throw new pulumi.RunError(vaultProblem(`op://${key}`, error));
      }),
    );
    const item = pulumi.secret(fetched);
    this.#items.set(key, item);
    return item;
  }

  #options(): pulumi.InvokeOptions {
    return { parent: this.#parent, provider: this.#provider };
  }
}
