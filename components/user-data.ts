export interface KeyPair {
  /** OpenSSH private key block, with its final newline. */
  readonly private: string;
  /** `type base64`. */
  readonly public: string;
}

const indent = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");

/**
 * cloud-config that gives a new machine a known host key, so that even the first connection is checked.
 * Nothing else belongs here: user data stays readable on the machine (metadata service) and in the
 * vendor's console. The installation replaces this key for that reason. Source of the keys: cloud-init,
 * module "SSH", `ssh_keys`.
 * @param maxBytes largest user data that the vendor takes
 * @throws Error when the key is not an OpenSSH ed25519 pair.
 */
export function bootstrapUserData(key: KeyPair, maxBytes: number): string {
  if (
    !key.private.startsWith("-----BEGIN OPENSSH PRIVATE KEY-----\n") ||
    !key.public.startsWith("ssh-ed25519 ")
  ) {
    throw new Error("the bootstrap host key is not an OpenSSH ed25519 key pair");
  }
  const text = `#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
${indent(key.private)}
  ed25519_public: ${key.public}
`;
  if (Buffer.byteLength(text) > maxBytes)
    throw new Error(`user data of ${Buffer.byteLength(text)} bytes, the limit is ${maxBytes}`);
  return text;
}
