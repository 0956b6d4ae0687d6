import { isIPv4, isIPv6 } from "node:net";
import * as z from "zod";

/** Lower-case DNS label: the name of a host, service, bucket or secret. RFC 1123 limits it to 63 characters. */
export const label = z
  .string()
  .max(63, "a name has at most 63 characters")
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    "use lower-case letters, digits and inner dashes, and begin with a letter",
  );

/** A directory that shell commands and unit files can name without quoting. */
export const absoluteDirectory = z
  .string()
  .regex(/^\/[A-Za-z0-9_./-]*$/, "not an absolute path of letters, digits, dots, dashes and underscores");

/** Fully qualified domain name, lower case, without the trailing dot. */
export const domainName = z
  .string()
  .max(253)
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'use a lower-case domain name such as "example.test", without a trailing dot',
  );

/** A record's owner name inside a zone: `@` for the apex, else labels; `*` and `_` prefixes are allowed. */
export const recordName = z
  .string()
  .regex(
    /^(@|\*|(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*)$/,
    'use "@" for the apex, or lower-case labels of 1 to 63 characters inside the zone, with one dot between them',
  );

export const SSH_PORT = 22;

export const port = z.int().min(1, "a port is 1 to 65535").max(65535, "a port is 1 to 65535");

export const ipv4 = z.string().refine(isIPv4, "not an IPv4 address");
export const ipAddress = z.string().refine((s) => isIPv4(s) || isIPv6(s), "not an IP address");

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}

/** Network in CIDR notation, IPv4 or IPv6. */
export const cidr = z.string().refine(isCidr, 'not a network in CIDR notation such as "198.51.100.7/32"');

/** An address with the prefix length of its network. */
export const addressWithPrefix = z
  .string()
  .refine(isCidr, 'not an address with its prefix such as "198.51.100.22/24"');

/** A 1Password secret reference. `{host}` stands for the host's name. Source: 1Password, "Secret reference syntax". */
export const secretReference = z
  .string()
  .regex(
    /^op:\/\/[^/]+\/[^/]+(\/[^/]+){1,2}$/,
    'not a secret reference of the form "op://vault/item/field" (or "op://vault/item/section/field")',
  );

/** A line of authorized_keys: type, base64, and an optional comment. */
export const sshPublicKey = z
  .string()
  .regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+( .*)?$/, "not an SSH public key line");

/** As in Nix's `trusted-public-keys`. */
export const nixPublicKey = z
  .string()
  .regex(/^[^\s:]+:[A-Za-z0-9+/=]+$/, "not a Nix public key (name:base64)");

type CamelCase<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<CamelCase<B>>}` : S;
export type CamelKeys<T> = { [K in keyof T as K extends string ? CamelCase<K> : K]: T[K] };

/** Renames a table's own keys from TOML's snake_case to camelCase. Keys of inner tables are renamed by those tables. */
export function camelKeys<T extends object>(table: T): CamelKeys<T> {
  const entries = Object.entries(table).map(([key, value]) => [
    key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries) as CamelKeys<T>;
}
