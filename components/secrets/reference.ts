import { entryOf } from "../../lib/entry-of.ts";
import { providerReason } from "../../lib/error-text.ts";

/** Where a secret is: `op://vault/item/field`, or with a section before the field. */
export interface SecretReference {
  readonly vault: string;
  readonly item: string;
  readonly section?: string;
  readonly field: string;
}

/** The parts of a 1Password item that a field may come from (`getItem` of the provider). */
export interface ItemFields {
  readonly username?: string;
  readonly password?: string;
  readonly credential?: string;
  readonly noteValue?: string;
  readonly privateKey?: string;
  readonly publicKey?: string;
  readonly url?: string;
  readonly hostname?: string;
  readonly port?: string;
  readonly database?: string;
  readonly sections?: readonly {
    readonly label?: string;
    readonly id?: string;
    readonly fields?: readonly { readonly label?: string; readonly id?: string; readonly value?: string }[];
  }[];
}

/** Names of built-in fields in secret references -> properties of the provider's item. */
const BUILT_IN_FIELDS: Readonly<Record<string, keyof Omit<ItemFields, "sections">>> = {
  username: "username",
  password: "password",
  credential: "credential",
  notesplain: "noteValue",
  notes: "noteValue",
  "private key": "privateKey",
  "public key": "publicKey",
  url: "url",
  website: "url",
  hostname: "hostname",
  server: "hostname",
  port: "port",
  database: "database",
};

/**
 * Parses a secret reference. Source: 1Password, "Secret reference syntax".
 * @throws Error when the text is not a secret reference.
 */
export function parseReference(reference: string): SecretReference {
  const parts = /^op:\/\/(.+)$/.exec(reference)?.[1]?.split("/") ?? [];
  const [vault, item, ...rest] = parts;
  if (!vault || !item || rest.length < 1 || rest.length > 2 || rest.includes("")) {
    throw new Error(
      `"${reference}" is not a secret reference of the form op://vault/item/field or op://vault/item/section/field`,
    );
  }
  const [first = "", second] = rest;
  return second === undefined
    ? { vault, item, field: first }
    : { vault, item, section: first, field: second };
}

/** Whether a vault is given by its id (26 lower-case letters and digits) instead of by its name. */
export const isVaultId = (vault: string): boolean => /^[a-z0-9]{26}$/.test(vault);

const same = (a: string | undefined, b: string) => a !== undefined && a.toLowerCase() === b.toLowerCase();

/**
 * The field's value. Names are compared without regard to case, as `op read` does.
 * @throws Error naming the reference, never a value, when the item has no such field or it is empty.
 */
export function fieldOf(item: ItemFields, reference: string): string {
  const { section, field } = parseReference(reference);
  const name = entryOf(BUILT_IN_FIELDS, field.toLowerCase());
  const direct = section === undefined && name !== undefined ? item[name] : undefined;
  const inSections = (item.sections ?? [])
    .filter((each) => section === undefined || same(each.label, section) || same(each.id, section))
    .flatMap((each) => each.fields ?? [])
    .find((each) => same(each.label, field) || same(each.id, field));
  const value = direct || inSections?.value;
  if (!value) throw new Error(`1Password: ${reference}: the item has no such field, or it is empty`);
  return value;
}

/** The remedy for an error of the provider; empty for an error that is not recognised. */
function remedyOf(reason: string): string {
  // The program can't create the value; only the user has it.
  if (/isn't an item|not found|could not be found/i.test(reason)) {
    return (
      "; only you have this value: restore the item (1Password keeps deleted ones for 30 days under Recently Deleted), create it " +
      "again, or remove its reference from nix/fleet.toml"
    );
  }
  if (/credential|unauthori[sz]ed|token|sign(?:ed)? in/i.test(reason)) {
    return "; set OP_SERVICE_ACCOUNT_TOKEN to the token of a service account that may read the vault (docs/real-account.md)";
  }
  if (/ENOENT|executable file not found|no such file/i.test(reason)) {
    return "; install the 1Password CLI, or set OP_CLI_PATH to its path";
  }
  return "";
}

/** The message for an error of 1Password's provider, with the remedy. `subject`: the vault or reference. */
export function vaultProblem(subject: string, error: Error): string {
  const reason = providerReason(error);
  return `1Password: ${subject}: ${reason}${remedyOf(reason)}`;
}
