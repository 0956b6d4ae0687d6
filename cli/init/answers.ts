/** What `pantheros init` must know: its form, and how each part is written on the command line. */
import * as z from "zod";
import { sshPublicKey } from "../../inventory/primitives.ts";

/** A machine to create, or to adopt. */
export type HostAnswer =
  | { readonly name: string; readonly kind: "hetzner"; readonly type: string; readonly location: string }
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

/**
 * `NAME=hetzner:TYPE:LOCATION` creates a server, `NAME=VENDOR:ADDRESS` adopts a machine.
 * @throws Error with the forms
 */
export function parseHost(text: string): HostAnswer {
  const [, name = "", vendor = "", rest = ""] = /^([^=]+)=([^:]+):(.+)$/.exec(text.trim()) ?? [];
  if (!NAME.test(name) || !NAME.test(vendor)) {
    throw new Error(
      `"${text}" is not NAME=hetzner:TYPE:LOCATION, such as web=hetzner:cx23:fsn1, or NAME=VENDOR:ADDRESS, such as nas=home:192.168.1.10`,
    );
  }
  if (vendor !== "hetzner") return { name, kind: "existing", vendor, address: rest };
  const [type = "", location = "", ...more] = rest.split(":");
  if (type === "" || location === "" || more.length > 0)
    throw new Error(`"${text}" is not NAME=hetzner:TYPE:LOCATION, such as web=hetzner:cx23:fsn1`);
  return { name, kind: "hetzner", type, location };
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
