/** The ports of a host's sshd, from the inventory. */
import type { Problem } from "./problems.ts";
import type { Host, Inventory } from "./schema.ts";

type WithPorts = Pick<Inventory, "ports">;
type SshHost = Pick<Host, "ssh" | "provider">;

/** Port of the machine's address that differs from sshd's own, such as that of a port forward. */
const forwardedPort = ({ provider }: SshHost): number | undefined =>
  provider.kind === "existing" ? provider.sshPort : undefined;

/** Port that the host's sshd listens on. Nix has the same rule (nix/lib/fleet.nix). */
export const sshPortOf = ({ ports }: WithPorts, host: SshHost): number =>
  host.ssh.port ?? forwardedPort(host) ?? ports.ssh;

/** Port of sshd at the machine's address (`provider.address`). */
export const addressPortOf = (inventory: WithPorts, host: SshHost): number =>
  forwardedPort(host) ?? sshPortOf(inventory, host);

/** Ports on which firewalls admit SSH to the host, sshd's own first. */
export const openSshPorts = (inventory: WithPorts, host: SshHost): number[] => [
  sshPortOf(inventory, host),
  ...(host.ssh.formerPort === undefined ? [] : [host.ssh.formerPort]),
];

export function sshProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, host]): Problem[] => {
    const own = sshPortOf(inventory, host);
    const taken = Object.entries(inventory.services)
      .filter(([, service]) => service.host === name && service.port === own)
      .map(([service]) => ({
        key: `services.${service}.port`,
        message: `sshd of ${name} listens on port ${own}: choose another port, or set hosts.${name}.ssh.port`,
      }));
    if (host.ssh.formerPort !== own) return taken;
    return [
      ...taken,
      {
        key: `hosts.${name}.ssh.former_port`,
        message: `sshd listens on port ${own} already: remove the key, or set \`port\` to the new one`,
      },
    ];
  });
}
