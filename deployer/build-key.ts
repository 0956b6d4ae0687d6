/**
 * A host's own signing key: what a store signs with it that is trusted less than the runner's counts on that host alone. It is derived
 * from the fleet's key, so there is no further secret to keep.
 */
import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

/** Nix's form of an ed25519 key: its name and the seed of 32 bytes. */
export interface NixKey {
  readonly name: string;
  readonly seed: Buffer;
}

/** Names what the derived key is for; another purpose takes another text. */
const PURPOSE = "pantheros build key ";
/** A seed as PKCS #8 (RFC 8410, section 7), without its 32 bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

function publicHalf(seed: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

/**
 * Reads what `nix key generate-secret` wrote: `NAME:BASE64`, the seed and the public half.
 * @throws Error that tells nothing of the content.
 */
export function parseSecretKey(text: string): NixKey {
  const [, name = "", base64 = ""] = /^([^\s:]+):([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(base64, "base64");
  const seed = bytes.subarray(0, 32);
  if (bytes.length !== 64 || !publicHalf(seed).equals(bytes.subarray(32))) {
    throw new Error("not a Nix secret key (NAME:BASE64 of 64 bytes)");
  }
  return { name, seed };
}

/** The name of a host's own key, as the tool proposes it; a host that is renamed keeps the key that it has. */
export const buildKeyName = (fleet: Pick<NixKey, "name">, host: string): string => `${fleet.name}-${host}`;

/** The key of that name that belongs to the fleet's. */
export function deriveKey(fleet: NixKey, name: string): NixKey {
  return { name, seed: Buffer.from(hkdfSync("sha256", fleet.seed, "", `${PURPOSE}${name}`, 32)) };
}

/** `NAME:BASE64`, as in `trusted-public-keys`. */
export const publicKeyText = ({ name, seed }: NixKey): string =>
  `${name}:${publicHalf(seed).toString("base64")}`;

/** The content of a file for `nix store sign --key-file`. */
export const secretKeyText = ({ name, seed }: NixKey): string =>
  `${name}:${Buffer.concat([seed, publicHalf(seed)]).toString("base64")}`;
