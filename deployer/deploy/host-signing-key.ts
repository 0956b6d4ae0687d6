/** The host's own signing key on the runner, and whether the host trusts it already. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deriveKey, type NixKey, parseSecretKey, publicKeyText, secretKeyText } from "../build-key.ts";
import { sshArgv } from "../ssh.ts";
import { introduceHint, signHint } from "./closure.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { actingPeer, connectionHint, NIX, type RunnerFiles, type Step } from "./steps.ts";

/** The host's own key cannot be had, or is not the inventory's. */
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
      signHint,
    );
  }
  try {
    return parseSecretKey(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuildKeyError(`PANTHEROS_SIGNING_KEY (${file}): ${reason}`, signHint);
  }
}

/**
 * Writes the secret half into the deploy's directory and names the file.
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
      `put the line that \`tools/build-key ${spec.host}\` prints into the inventory, and ${introduceHint(spec)}`,
    );
  }
  const file = join(connections, `${spec.host}.secret-key`);
  writeFileSync(file, secretKeyText(key), { mode: 0o600 });
  return file;
}

/** Asks the host for the keys that its Nix trusts; undefined where it needs none, see copyStep. */
export function trustStep(spec: DeploySpec, files: RunnerFiles): Step | undefined {
  if (!spec.managed) return undefined;
  return {
    name: "connect",
    argv: sshArgv(actingPeer(spec, files), [...NIX, "config", "show", "trusted-public-keys"]),
    timeoutSeconds: spec.seconds.probe + spec.seconds.connect,
    hint: connectionHint,
  };
}
