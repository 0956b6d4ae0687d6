import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { PROGRAMS } from "../../deployer/programs.ts";
import { parseSshPublicKey } from "../../lib/ssh-public-key.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import type { KeyPair } from "./user-data.ts";

/**
 * Reads what host-key.sh printed.
 * @throws Error when it is something else; the message never repeats it.
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

/** A key pair that lives in the stack's state: made once, never again unless its resource is replaced by hand. */
export interface StoredKeyPair {
  /** Secret. */
  readonly pair: pulumi.Output<KeyPair>;
  /** Secret: the OpenSSH private key block. */
  readonly privateKey: pulumi.Output<string>;
  /** `type base64`, not secret. */
  readonly publicKey: pulumi.Output<string>;
}

/**
 * Makes an SSH host key when its resource is created. All inputs are ignored from then on: a new text of the command must not
 * give a running machine a new identity.
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
