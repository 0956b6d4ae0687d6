import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { PROGRAMS } from "../deployer/programs.ts";
import { parseSshPublicKey } from "../lib/ssh-public-key.ts";
import { IGNORED_COMMAND_INPUTS } from "./command-inputs.ts";
import type { KeyPair } from "./user-data.ts";

/**
 * Parses the output of host-key.sh.
 * @throws Error when it is not a key pair; the message never repeats the output, which may be secret.
 */
export function parseKeyPair(stdout: string): KeyPair {
  let pair: unknown;
  try {
    pair = JSON.parse(stdout);
  } catch {
    throw new Error(`${PROGRAMS.hostKey} did not print a key pair`);
  }
  const { private: secret, public: open } = (pair ?? {}) as Record<string, unknown>;
  if (typeof secret !== "string" || typeof open !== "string") {
    throw new Error(`${PROGRAMS.hostKey} did not print a key pair`);
  }
  return { private: secret, public: parseSshPublicKey(open).line };
}

/** A key pair in the stack's state: created once, and again only if its resource is replaced by hand. */
export interface StoredKeyPair {
  /** Secret. */
  readonly pair: pulumi.Output<KeyPair>;
  /** Secret: the OpenSSH private key block. */
  readonly privateKey: pulumi.Output<string>;
  /** `type base64`, not secret. */
  readonly publicKey: pulumi.Output<string>;
}

/**
 * Creates an SSH host key together with its resource. Later changes of the inputs are ignored: a changed
 * command must not give a running machine a new identity.
 */
export function storedKeyPair(name: string, opts: pulumi.CustomResourceOptions): StoredKeyPair {
  const made = new command.local.Command(
    name,
    { create: `sh ${PROGRAMS.hostKey}`, logging: "none", addPreviousOutputInEnv: false },
    {
      ...opts,
      additionalSecretOutputs: ["stdout", "stderr"],
      ignoreChanges: [...IGNORED_COMMAND_INPUTS, "triggers"],
    },
  );
  const pair = pulumi.secret(made.stdout.apply(parseKeyPair));
  return {
    pair,
    privateKey: pair.apply((key) => key.private),
    publicKey: pulumi.unsecret(pair.apply((key) => key.public)),
  };
}
