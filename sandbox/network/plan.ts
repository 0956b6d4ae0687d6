import { driverNamespace, linkName, machineNamespace, nsenterNet } from "./names.ts";

/** Address of the runner, from which deploys connect, and of the emulated vendors. */
export const RUNNER_ADDRESS = "198.51.100.1";
export const RUNNER_ADDRESS6 = "2001:db8::1";
/** Address to which emulated proxied DNS records resolve. */
const EDGE_ADDRESS = "198.51.100.80";
/** Hetzner's gateway for every cloud server: on-link, although outside of the server's /32. */
const GATEWAY = "172.31.1.1";
/** Hetzner's gateway for IPv6, link-local. */
const GATEWAY6 = "fe80::1";

/** Tailscale's address range; the public firewall does not filter it. */
export const TAILNET_NETWORK = "100.64.0.0/10";

/** The tailnet address of a joined machine, derived from the public one: 203.0.113.10 -> 100.64.113.10. */
export function tailnetAddress(ipv4: string): string {
  return `100.64.${ipv4.split(".").slice(2).join(".")}`;
}

export interface MachineAddresses {
  /** Public IPv4 address. */
  readonly ipv4?: string;
  /** The machine's own address inside its /64. */
  readonly ipv6?: string;
}

type Argv = readonly string[];

/** Commands that make the driver namespace. It has no route to the outside. */
export function driverCommands(sandbox: string): readonly Argv[] {
  const driver = driverNamespace(sandbox);
  const ip = (...args: string[]): Argv => ["ip", "-n", driver, ...args];
  return [
    ["ip", "netns", "add", driver],
    // Sysctls first: enabling IPv6 forwarding drops addresses that were learnt before.
    nsenterNet(driver, [
      "sh",
      "-c",
      "echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    ]),
    // On lo, since the kernel may lack dummy interfaces; Linux answers ARP for them on every link.
    ip("addr", "add", `${RUNNER_ADDRESS}/32`, "dev", "lo"),
    ip("addr", "add", `${EDGE_ADDRESS}/32`, "dev", "lo"),
    ip("addr", "add", `${GATEWAY}/32`, "dev", "lo"),
    ip("addr", "add", `${RUNNER_ADDRESS6}/128`, "dev", "lo", "nodad"),
    ip("link", "set", "lo", "up"),
  ];
}

/** Commands that make a machine's namespace and its routed link to the driver's, as at Hetzner. */
export function machineCommands(
  sandbox: string,
  machine: string,
  addresses: MachineAddresses,
): readonly Argv[] {
  const driver = driverNamespace(sandbox);
  const namespace = machineNamespace(sandbox, machine);
  const link = linkName(machine);
  const outside = (...args: string[]): Argv => ["ip", "-n", driver, ...args];
  const inside = (...args: string[]): Argv => ["ip", "-n", namespace, ...args];
  const commands: Argv[] = [
    ["ip", "netns", "add", namespace],
    outside("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace),
    outside("addr", "add", `${GATEWAY6}/64`, "dev", link, "nodad"),
    outside("link", "set", link, "up"),
    inside("link", "set", "lo", "up"),
    inside("link", "set", "eth0", "up"),
  ];
  if (addresses.ipv4 !== undefined) {
    commands.push(
      inside("addr", "add", `${addresses.ipv4}/32`, "dev", "eth0"),
      inside("route", "add", GATEWAY, "dev", "eth0", "scope", "link"),
      inside("route", "add", "default", "via", GATEWAY, "dev", "eth0", "src", addresses.ipv4),
      outside("route", "add", `${addresses.ipv4}/32`, "dev", link, "src", RUNNER_ADDRESS),
      outside("route", "replace", `${tailnetAddress(addresses.ipv4)}/32`, "dev", link, "src", RUNNER_ADDRESS),
    );
  }
  if (addresses.ipv6 !== undefined) {
    commands.push(
      inside("addr", "add", `${addresses.ipv6}/64`, "dev", "eth0", "nodad"),
      inside("-6", "route", "add", "default", "via", GATEWAY6, "dev", "eth0"),
      outside("-6", "route", "add", prefix64(addresses.ipv6), "dev", link, "src", RUNNER_ADDRESS6),
    );
  }
  return commands;
}

/** The /64 prefix of an IPv6 address. */
export function prefix64(address: string): string {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill("0"), ...right];
  if (groups.length !== 8) throw new Error(`not an IPv6 address: ${address}`);
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** Undo `machineCommands`. The link goes first, which disconnects at once; a namespace may linger. */
export function removeMachineCommands(sandbox: string, machine: string): readonly Argv[] {
  return [
    ["ip", "-n", driverNamespace(sandbox), "link", "del", linkName(machine)],
    ["ip", "netns", "del", machineNamespace(sandbox, machine)],
  ];
}

/** Undo `driverCommands`; links and firewall rules end with their namespace. */
export function removeDriverCommands(sandbox: string): readonly Argv[] {
  return [["ip", "netns", "del", driverNamespace(sandbox)]];
}

/** resolv.conf of the driver namespace: the sandbox's DNS server. */
export const DRIVER_RESOLV_CONF = `nameserver ${RUNNER_ADDRESS}\noptions timeout:2 attempts:2\n`;
