/** Command lines and files of the compared programs: deploy-rs and plain commands. Pure. */
import type { Host } from "./fleet.ts";

/** Options of ssh for all contenders: the deploy key, and only pinned host keys. */
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

/** deploy-rs at its fastest: without `nix flake check`, otherwise with its defaults. */
export const deployRsArgv = (program: string, flake: string): readonly string[] => [
  program,
  "--skip-checks",
  `path:${flake}`,
];

/** Runs `script` in parallel for each line of stdin, with its two words as $1 and $2. */
const allAtOnce = (count: number, script: string): readonly string[] => [
  ...["xargs", "-P", String(count), "-n", "2", "sh", "-c", script, "sh"],
];

/**
 * The raw limit: for each host one `nix copy` and one connection that switches, without health check, confirmation or
 * rollback. On stdin one `ADDRESS SYSTEM` per line.
 */
export function rawArgv(count: number, ssh: readonly string[]): readonly string[] {
  const switching =
    '"nix-env -p /nix/var/nix/profiles/system --set $2 && $2/bin/switch-to-configuration switch"';
  return allAtOnce(
    count,
    `nix copy --no-check-sigs --to "ssh-ng://root@$1" "$2" && exec ssh ${ssh.join(" ")} "root@$1" ${switching}`,
  );
}

/** One `ssh HOST true` for each host, in parallel: the cost of a connection to every host. The same stdin. */
export const connectArgv = (count: number, ssh: readonly string[]): readonly string[] =>
  allAtOnce(count, `exec ssh ${ssh.join(" ")} "root@$1" true`);

/** Prints the running system of each host, as `ADDRESS SYSTEM`. The same stdin. */
export const runningArgv = (count: number, ssh: readonly string[]): readonly string[] =>
  allAtOnce(
    count,
    `printf '%s %s\\n' "$1" "$(exec ssh ${ssh.join(" ")} "root@$1" readlink /run/current-system)"`,
  );

export const pairs = (hosts: readonly Host[], systems: readonly string[]): string =>
  hosts.map(({ address }, at) => `${address} ${systems[at] ?? "-"}\n`).join("");
