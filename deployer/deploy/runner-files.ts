/** Files that the steps need on the runner: pinned host keys and ssh configuration, in a private directory. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oneLine } from "../../lib/sanitize.ts";
import { makePrivateDirectory } from "../process/private-directory.ts";
import { runProcess } from "../process/runner.ts";
import { knownHostsLines, sharedFiles, sshConfig } from "../ssh.ts";
import { batched } from "./batch.ts";
import { nixPeers } from "./closure.ts";
import type { DeployTools } from "./context.ts";
import { writeHostSigningKey } from "./host-signing-key.ts";
import type { DeploySpec } from "./spec.ts";
import type { RunnerFiles } from "./steps.ts";

function pinsOf({ host, hostKeys, build }: DeploySpec): string {
  return (
    knownHostsLines(host, hostKeys) +
    (typeof build === "object" ? knownHostsLines(build.host, [build.hostKey]) : "")
  );
}

/** The directory is removed by `remove`, or when the process ends. Environment: PANTHEROS_SSH_KEY (file of a private key), PANTHEROS_SIGNING_KEY (file of a Nix secret key). */
export function runnerFiles(specs: readonly DeploySpec[]): {
  readonly files: RunnerFiles;
  readonly remove: () => void;
} {
  // A connection is shared only where its socket's path is short enough.
  const suits = (path: string) => specs.every(({ host }) => sharedFiles(path, host) !== undefined);
  const directory = makePrivateDirectory("deploy", suits);
  const remove = () => {
    rmSync(directory, { recursive: true, force: true });
    process.off("exit", remove);
  };
  process.setMaxListeners(0); // one for each running deploy
  process.on("exit", remove);
  const files = {
    knownHosts: join(directory, "known_hosts"),
    sshConfig: join(directory, "ssh_config"),
    connections: directory,
    identity: process.env["PANTHEROS_SSH_KEY"] || undefined,
    signingKey: process.env["PANTHEROS_SIGNING_KEY"] || undefined,
  };
  writeFileSync(files.knownHosts, specs.map(pinsOf).join(""), { mode: 0o600 });
  // ssh uses the first section with a name: a host's own comes before those of builders.
  const peers = specs.map((spec) => nixPeers(spec, files));
  const ordered = [...peers.flatMap(([own]) => own ?? []), ...peers.flatMap(([, builder]) => builder ?? [])];
  const known = new Map(ordered.toReversed().map((peer) => [peer.host, peer]));
  writeFileSync(files.sshConfig, sshConfig([...known.values()]), { mode: 0o600 });
  return { files, remove };
}

/** Access to the runner's files for the steps. */
export const fileTools = (files: RunnerFiles): Pick<DeployTools, "exists" | "read" | "hostKeyFile"> => ({
  exists: existsSync,
  read: (path) => readFileSync(path, "utf8"),
  hostKeyFile: (spec) => writeHostSigningKey(spec, files),
});

export function runnerTools(specs: readonly DeploySpec[]): DeployTools {
  const { files } = runnerFiles(specs);
  return {
    ...fileTools(files),
    files,
    run: batched(runProcess),
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    progress: (line) => process.stderr.write(`${oneLine(line)}\n`),
  };
}
