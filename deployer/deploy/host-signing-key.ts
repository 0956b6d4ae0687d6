/** A host's own signing key: derived on the runner, and checked against the keys that the host trusts. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../lib/message-of.ts";
import { deriveKey, type NixKey, parseSecretKey, publicKeyText, secretKeyText } from "../build-key.ts";
import { NIX } from "../nix.ts";
import { sshArgv } from "../ssh.ts";
import { introduceHint, SIGN_HINT } from "./closure.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { actingPeer, connectionHint, type RunnerFiles, type Step } from "./steps.ts";

/** The host's key cannot be derived, or differs from the inventory's. */
export class BuildKeyError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

function fleetKey(file: string | undefined): NixKey {
  if (file === undefined) {
    throw new BuildKeyError(
      "PANTHEROS_SIGNING_KEY is not set: the host's own key is derived from it",
      SIGN_HINT,
    );
  }
  try {
    return parseSecretKey(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = messageOf(error);
    throw new BuildKeyError(`PANTHEROS_SIGNING_KEY (${file}): ${reason}`, SIGN_HINT);
  }
}

/**
 * Writes the secret half into the deploy's directory and returns the file's path.
 * @throws BuildKeyError
 */
export function writeHostSigningKey(spec: DeploySpec, { signingKey, connections }: RunnerFiles): string {
  const wanted = hostSigningKey(spec) ?? "";
  const fleet = fleetKey(signingKey);
  const key = deriveKey(fleet, wanted.split(":")[0] ?? "");
  const derived = publicKeyText(key);
  if (derived !== wanted) {
    throw new BuildKeyError(
      `hosts.${spec.host}.build_key is ${wanted}, but the signing key ${fleet.name} gives ${derived}`,
      `put the line printed by \`tools/build-key ${spec.host}\` into the inventory, and ${introduceHint(spec)}`,
    );
  }
  const file = join(connections, `${spec.host}.secret-key`);
  writeFileSync(file, secretKeyText(key), { mode: 0o600 });
  return file;
}

/** Reads the keys that the host's Nix trusts; undefined for an unmanaged machine, where none is needed (copyStep). */
export function trustStep(spec: DeploySpec, files: RunnerFiles): Step | undefined {
  if (!spec.managed) return undefined;
  return {
    name: "connect",
    argv: sshArgv(actingPeer(spec, files), [...NIX, "config", "show", "trusted-public-keys"]),
    timeoutSeconds: spec.seconds.probe + spec.seconds.connect,
    hint: connectionHint,
  };
}
