/** What `pantheros init` must know: its form, and how each part is written on the command line. */
import * as z from "zod";
import { sshPublicKey } from "../../inventory/primitives.ts";
import type { ShortForm } from "../../inventory/provider.ts";
import { PROVIDER_TABLES } from "../../inventory/providers.ts";

/** A machine to create, or to adopt. */
export type HostAnswer =
  | {
      readonly name: string;
      readonly kind: "created";
      /** The provider's kind. */
      readonly provider: string;
      /** Keys of the provider's table, without its kind. */
      readonly settings: Readonly<Record<string, string>>;
      readonly storage?: ShortForm["storage"];
    }
  | { readonly name: string; readonly kind: "existing"; readonly vendor: string; readonly address: string };

export interface Answers {
  /** Name of the stack and of its environment in the inventory. */
  readonly stack: string;
  readonly domain: string;
  /** 1Password vault of the program. */
  readonly vault: string;
  /** Public keys that may deploy. */
  readonly deployKeys: readonly string[];
  /** Public half of the key that signs what is deployed. */
  readonly signingKey: string;
  readonly hosts: readonly HostAnswer[];
  /** Host -> its public SSH host key. */
  readonly hostKeys: Readonly<Record<string, string>>;
  /** Networks of the runner. */
  readonly sources: readonly string[];
  readonly address: "tailnet" | "public";
  /** Zone at Cloudflare; undefined: no DNS. */
  readonly zone: string | undefined;
  /** B2's region; undefined: no buckets. */
  readonly region: string | undefined;
  /** Before the names of the buckets. */
  readonly bucketPrefix: string;
  readonly tailnet:
    | { readonly name: string; readonly suffix: string; readonly admins: readonly string[] }
    | undefined;
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const SHORT_FORMS = new Map(
  PROVIDER_TABLES.flatMap(({ kind, shortForm }) => (shortForm === undefined ? [] : [[kind, shortForm]])),
);

/** Forms of a machine that is created, such as `NAME=kind:TYPE:LOCATION`. */
export const CREATED_FORMS = [...SHORT_FORMS].map(([kind, { form }]) => `NAME=${kind}:${form}`);
export const ADOPTED_FORM = "NAME=VENDOR:ADDRESS";

const FORMS = [
  ...[...SHORT_FORMS].map(
    ([kind, { form, example }]) => `NAME=${kind}:${form}, such as web=${kind}:${example}`,
  ),
  `${ADOPTED_FORM}, such as nas=home:192.168.1.10`,
].join(", or ");

/**
 * One of CREATED_FORMS creates a machine, ADOPTED_FORM adopts one.
 * @throws Error with the forms
 */
export function parseHost(text: string): HostAnswer {
  const [, name = "", vendor = "", rest = ""] = /^([^=]+)=([^:]+):(.+)$/.exec(text.trim()) ?? [];
  const invalid = new Error(`"${text}" is not ${FORMS}`);
  if (!NAME.test(name) || !NAME.test(vendor)) throw invalid;
  const short = SHORT_FORMS.get(vendor);
  if (short === undefined) return { name, kind: "existing", vendor, address: rest };
  const values = rest.split(":");
  if (values.length !== short.keys.length || values.includes("")) throw invalid;
  return {
    ...{ name, kind: "created", provider: vendor },
    settings: Object.fromEntries(short.keys.map((key, at) => [key, values[at] ?? ""])),
    ...(short.storage !== undefined && { storage: short.storage }),
  };
}

/** `NAME=KEY`, the key as a line of the machine's ssh_host_ed25519_key.pub. @throws Error */
export function parseHostKey(text: string): readonly [name: string, key: string] {
  const at = text.indexOf("=");
  const [name, key] = [text.slice(0, at), text.slice(at + 1).trim()];
  if (at < 1) throw new Error(`"${text}" is not NAME=KEY`);
  const found = sshPublicKey.safeParse(key);
  if (!found.success) throw new Error(`${name}: ${z.prettifyError(found.error)}`);
  return [name, key];
}
