import { createHash } from "node:crypto";

/** SSHFP algorithm numbers by SSH key type. Source: IANA registry "DNS SSHFP Resource Record Parameters" (RFC 4255, 6594, 7479). */
const SSHFP_ALGORITHMS: Readonly<Record<string, number>> = {
  "ssh-rsa": 1,
  "ecdsa-sha2-nistp256": 3,
  "ecdsa-sha2-nistp384": 3,
  "ecdsa-sha2-nistp521": 3,
  "ssh-ed25519": 4,
};

/** Parts of a public key line, without its comment. */
export interface SshPublicKey {
  readonly type: string;
  /** Base64 of the key blob. */
  readonly blob: string;
  /** `type blob`: the form of known_hosts, of the outputs and of every pin. */
  readonly line: string;
}

/** Content of an SSHFP record. */
export interface Sshfp {
  readonly algorithm: number;
  /** 2: SHA-256 (RFC 6594). */
  readonly type: 2;
  /** Lower-case hexadecimal. */
  readonly fingerprint: string;
}

/**
 * Number of length-prefixed parts of a key by its type, the part with the type included; 3 for ECDSA
 * (RFC 4253, section 6.6; RFC 5656, 3.1; RFC 8709, 4).
 */
const PARTS: Readonly<Record<string, number>> = { "ssh-rsa": 3, "ssh-ed25519": 2 };

/**
 * Whether the blob is one whole key of the type: it consists of the type's parts, and the first one
 * is the type.
 */
function isWholeKey(blob: Buffer, type: string): boolean {
  const parts: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    const end = at + 4 <= blob.length ? at + 4 + blob.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (end > blob.length) return false;
    parts.push(blob.subarray(at + 4, end));
    at = end;
  }
  const ed25519 = type !== "ssh-ed25519" || parts[1]?.length === 32;
  return parts.length === (PARTS[type] ?? 3) && parts[0]?.toString("latin1") === type && ed25519;
}

/**
 * Reads one public key line (`type base64 [comment]`).
 * @throws Error when the line is not one whole public key; the message has no part of the text, which might be a private key.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  const [type = "", blob = ""] = text.trim().split(/\s+/);
  if (text.trim().includes("\n") || !Object.hasOwn(SSHFP_ALGORITHMS, type)) {
    throw new Error(
      `not a public key line: use one line "ssh-ed25519 AAAA…" (${Object.keys(SSHFP_ALGORITHMS).join(", ")})`,
    );
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(blob) || !isWholeKey(Buffer.from(blob, "base64"), type)) {
    throw new Error(`not a whole ${type} key: its base64 part is cut off, or has another type`);
  }
  return { type, blob, line: `${type} ${blob}` };
}

/** Fingerprint of a host key as published in DNS: SHA-256 over the key blob. */
export function sshfpOf(publicKey: string): Sshfp {
  const { type, blob } = parseSshPublicKey(publicKey);
  return {
    algorithm: SSHFP_ALGORITHMS[type] ?? 0,
    type: 2,
    fingerprint: createHash("sha256").update(Buffer.from(blob, "base64")).digest("hex"),
  };
}
