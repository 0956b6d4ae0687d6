/**
 * How a host's sshd is reached, from the inventory: its ports, the networks that may connect, and
 * its jump hosts.
 */
import { entryOf } from "../lib/entry-of.ts";
import { unknownName } from "../lib/names.ts";
import type { JumpHost } from "./host.ts";
import type { Problem } from "./problems.ts";
import type { Host, Inventory } from "./schema.ts";

type WithPorts = Pick<Inventory, "ports">;
type SshHost = Pick<Host, "ssh" | "provider">;

/** Port at an adopted machine's address. It differs from sshd's own behind a port forward. */
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

/** Networks that may reach the host's sshd from outside of the tailnet. */
export const sshSourcesOf = ({ deploy }: Pick<Inventory, "deploy">, host: Pick<Host, "ssh">): string[] => [
  ...new Set([...deploy.sources, ...host.ssh.sources]),
];

/** Whether deploys use public addresses. Otherwise sshd is reached there only during installations. */
const isDeployedPublicly = ({ deploy, tailnet }: Pick<Inventory, "deploy" | "tailnet">): boolean =>
  deploy.address === "public" || tailnet === undefined;

/** Whether the host's connections go to its own address. With a jump host they always do. */
export const isReachedPublicly = (
  inventory: Pick<Inventory, "deploy" | "tailnet">,
  { ssh }: Pick<Host, "ssh">,
): boolean => isDeployedPublicly(inventory) || ssh.jump !== undefined;

/** A jump host: another host of the inventory by its name, or a machine outside of it. */
export type Jump = string | JumpHost;

/**
 * The jump hosts on the way to a host, from the runner on.
 * @throws Error for a cycle, which the checks of an inventory refuse.
 */
export function jumpsTo({ hosts }: Pick<Inventory, "hosts">, name: string): Jump[] {
  const chain: Jump[] = [];
  for (let at = entryOf(hosts, name)?.ssh.jump; at !== undefined; ) {
    if (chain.includes(at) || at === name)
      throw new Error(`jump hosts in a cycle: ${[...chain, at].join(" -> ")}`);
    chain.unshift(at);
    at = typeof at === "string" ? entryOf(hosts, at)?.ssh.jump : undefined;
  }
  return chain;
}

/** Names from a host through its jump hosts back to one of them; undefined when there is no cycle. */
function jumpCycle({ hosts }: Inventory, name: string): string[] | undefined {
  const chain = [name];
  for (;;) {
    const next = entryOf(hosts, chain.at(-1) ?? name)?.ssh.jump;
    if (typeof next !== "string") return undefined;
    if (chain.includes(next)) return [...chain, next];
    chain.push(next);
  }
}

/** Why a host of the inventory cannot be the jump host of another. */
function jumpProblem(inventory: Inventory, name: string, host: Host, jump: string): string | undefined {
  const other = entryOf(inventory.hosts, jump);
  if (other === undefined) {
    const remedy = "; a machine outside of the inventory is a table with `address` and `host_key`";
    return unknownName("host", jump, Object.keys(inventory.hosts)) + remedy;
  }
  if (other.provider.kind === "image") return `${jump} is an image, which never runs: choose another host`;
  if (other.decommission !== undefined) return `${jump} is decommissioned: choose another host`;
  if (other.environment !== host.environment) {
    return `${jump} belongs to another environment (${other.environment}): choose a host of this one, or write its address and host key as a table`;
  }
  const cycle = jumpCycle(inventory, name);
  if (cycle !== undefined)
    return `jump hosts in a cycle: ${cycle.join(" -> ")}; one of them must be reached without a jump host`;
  if (other.wave > host.wave) {
    return `${jump} is deployed in wave ${other.wave}, after wave ${host.wave}: a jump host comes first, so set its \`wave\` to ${host.wave} or less`;
  }
  return undefined;
}

function jumpProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts).flatMap(([name, host]): Problem[] => {
    const { jump } = host.ssh;
    if (jump === undefined) return [];
    if (host.provider.kind === "image") {
      return [{ key: `hosts.${name}.ssh.jump`, message: "an image is not deployed to: remove the key" }];
    }
    const message = typeof jump === "string" ? jumpProblem(inventory, name, host, jump) : undefined;
    const own = message === undefined ? [] : [{ key: `hosts.${name}.ssh.jump`, message }];
    const hasAddress = host.provider.kind !== "existing" || host.provider.address !== undefined;
    if (!hasAddress || sshSourcesOf(inventory, host).length > 0) return own;
    return [
      ...own,
      {
        key: `hosts.${name}.ssh.sources`,
        message: `its firewall would refuse the jump host: add the address that the jump host has towards ${name}, such as ["10.0.0.1/32"]`,
      },
    ];
  });
}

function portProblems(inventory: Inventory): Problem[] {
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

export const sshProblems = (inventory: Inventory): Problem[] => [
  ...portProblems(inventory),
  ...jumpProblems(inventory),
];
