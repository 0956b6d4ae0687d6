/** What is compared: argument vectors and files of deploy-rs and of plain commands. Nothing runs here. */
import type { Host } from "./fleet.ts";

/** Options of ssh with which all of them connect: the deploy key, and only the pinned host keys. */
export function sshOptions(directory: string): readonly string[] {
  const options = [
    `IdentityFile=${directory}/keys/deploy`,
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    `UserKnownHostsFile=${directory}/known_hosts`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "LogLevel=ERROR",
  ];
  return ["-F", "/dev/null", ...options.flatMap((option) => ["-o", option])];
}

/** settings.json beside deploy-rs' flake (deploy-rs/flake.nix). */
export function deployRsSettings(hosts: readonly Host[], directory: string, system: string): string {
  const addresses = Object.fromEntries(hosts.map(({ name, address }) => [name, address]));
  return `${JSON.stringify({ system, addresses, sshOpts: sshOptions(directory) }, null, 2)}\n`;
}

/** deploy-rs at its best: `nix flake check` left out, everything else as it is meant to be used. */
export const deployRsArgv = (program: string, flake: string): readonly string[] => [
  program,
  "--skip-checks",
  `path:${flake}`,
];

/** Runs `script` with $1 and $2 from each line of stdin, all lines at once. */
const allAtOnce = (count: number, script: string): readonly string[] => [
  ...["xargs", "-P", String(count), "-n", "2", "sh", "-c", script, "sh"],
];

/**
 * The raw limit: for each host one `nix copy` and one connection that switches. No health check, no confirmation, no way
 * back. On stdin one `ADDRESS SYSTEM` a line.
 */
export function rawArgv(count: number, ssh: readonly string[]): readonly string[] {
  const switching =
    '"nix-env -p /nix/var/nix/profiles/system --set $2 && $2/bin/switch-to-configuration switch"';
  return allAtOnce(
    count,
    `nix copy --no-check-sigs --to "ssh-ng://root@$1" "$2" && exec ssh ${ssh.join(" ")} "root@$1" ${switching}`,
  );
}

/** One `ssh HOST true` for each host, all at once: what merely asking every host costs. The same stdin. */
export const askArgv = (count: number, ssh: readonly string[]): readonly string[] =>
  allAtOnce(count, `exec ssh ${ssh.join(" ")} "root@$1" true`);

/** What each host runs, as `ADDRESS SYSTEM`. The same stdin. */
export const runningArgv = (count: number, ssh: readonly string[]): readonly string[] =>
  allAtOnce(
    count,
    `printf '%s %s\\n' "$1" "$(exec ssh ${ssh.join(" ")} "root@$1" readlink /run/current-system)"`,
  );

export const pairs = (hosts: readonly Host[], systems: readonly string[]): string =>
  hosts.map(({ address }, at) => `${address} ${systems[at] ?? "-"}\n`).join("");
