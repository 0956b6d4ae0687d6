/**
 * A host's own signing key, for stores that are trusted less than the runner's: only that host trusts it. It is derived from the fleet's
 * key, so there is no additional secret to keep.
 */
import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

/** An ed25519 key of Nix: its name and the seed of 32 bytes. */
export interface NixKey {
  readonly name: string;
  readonly seed: Buffer;
}

/** Purpose of the derived key. A key for a different purpose needs a different text. */
const PURPOSE = "pantheros build key ";
/** A seed as PKCS #8 (RFC 8410, section 7), without its 32 bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

function publicHalf(seed: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

/**
 * Parses the output of `nix key generate-secret`: `NAME:BASE64`, with the seed and the public half.
 * @throws Error whose message contains nothing of the key.
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

/** The proposed name of a host's key. A renamed host keeps its key. */
export const buildKeyName = (fleet: Pick<NixKey, "name">, host: string): string => `${fleet.name}-${host}`;

/** Derives the key with that name from the fleet's key. */
export function deriveKey(fleet: NixKey, name: string): NixKey {
  return { name, seed: Buffer.from(hkdfSync("sha256", fleet.seed, "", `${PURPOSE}${name}`, 32)) };
}

/** `NAME:BASE64`, as in `trusted-public-keys`. */
export const publicKeyText = ({ name, seed }: NixKey): string =>
  `${name}:${publicHalf(seed).toString("base64")}`;

/** The content of a file for `nix store sign --key-file`. */
export const secretKeyText = ({ name, seed }: NixKey): string =>
  `${name}:${Buffer.concat([seed, publicHalf(seed)]).toString("base64")}`;
