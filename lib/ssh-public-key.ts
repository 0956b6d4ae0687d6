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

/** The key type inside the blob: a length-prefixed string (RFC 4253, section 6.6). */
function typeInside(blob: Buffer): string {
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  return blob.subarray(4, 4 + length).toString("latin1");
}

/**
 * Reads one public key line (`type base64 [comment]`).
 * @throws Error when the line is not one whole public key; the message has no part of the text, which might be a private key.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  const [type = "", blob = ""] = text.trim().split(/\s+/);
  if (text.trim().includes("\n") || !(type in SSHFP_ALGORITHMS)) {
    throw new Error(
      `not a public key line: use one line "ssh-ed25519 AAAA…" (${Object.keys(SSHFP_ALGORITHMS).join(", ")})`,
    );
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(blob) || typeInside(Buffer.from(blob, "base64")) !== type) {
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
