/** Checks across the machines of a fleet: each is listed once, and can run what is built for it. */
import { isIPv4, isIPv6 } from "node:net";
import { inService } from "./plan.ts";
import { collisions, type Problem } from "./problems.ts";
import type { Host, Inventory } from "./schema.ts";
import { addressPortOf } from "./ssh.ts";

/** Servers in one placement group of type `spread`. Source: Hetzner Cloud documentation, "Placement Groups", limits. */
const MAX_GROUP_SERVERS = 10;

export type Architecture = "x86" | "arm";

/** System -> Hetzner Cloud's name of its architecture. Source: `architecture` of GET /v1/server_types. */
export const ARCHITECTURES: Readonly<Record<Host["system"], Architecture>> = {
  "x86_64-linux": "x86",
  "aarch64-linux": "arm",
};

/** The `system` that runs on an architecture. */
export const systemFor = (architecture: Architecture): Host["system"] =>
  architecture === "arm" ? "aarch64-linux" : "x86_64-linux";

/**
 * The architecture of a server type: `cax` is Arm (Ampere); `cx`, `cpx` and `ccx` are x86.
 * Undefined for an unknown series, because a run checks the type in the vendor's catalogue.
 * Source: docs.hetzner.com, "Cloud Server types".
 */
function architectureOf(serverType: string): Architecture | undefined {
  const [, series] = /^([a-z]+)\d+$/.exec(serverType) ?? [];
  if (series === "cax") return "arm";
  return ["cx", "cpx", "ccx"].includes(series ?? "") ? "x86" : undefined;
}

/** One spelling per address: IPv6 has many, and an IPv4 address can be written as IPv6. */
export function canonicalAddress(address: string): string {
  const url = `http://[${address}]`;
  // A URL has no zone, such as "fe80::1%eth0", which is valid on one machine only.
  if (!isIPv6(address) || !URL.canParse(url)) return address;
  const canonical = new URL(url).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bytes = [high, low].flatMap((word) => [
    Number.parseInt(word, 16) >> 8,
    Number.parseInt(word, 16) & 255,
  ]);
  return bytes.join(".");
}

/** `198.51.100.20:22`, `[2001:db8::1]:22` */
const endpoint = (address: string, port: number): string => {
  const canonical = canonicalAddress(address);
  return isIPv4(canonical) ? `${canonical}:${port}` : `[${canonical}]:${port}`;
};

/** A key without its comment. */
const keyOf = (line: string): string => line.trim().split(/\s+/).slice(0, 2).join(" ");

/** The remedy when two tables are one machine. */
export const ONE_MACHINE_REMEDY =
  "one machine is one host: remove one of the two tables (to rename a host, set `formerly`)";

function architectureProblems(hosts: Inventory["hosts"]): Problem[] {
  return Object.entries(hosts).flatMap(([name, { provider, system }]) => {
    if (provider.kind !== "hetzner") return [];
    const architecture = architectureOf(provider.serverType);
    if (architecture === undefined || architecture === ARCHITECTURES[system]) return [];
    return [
      {
        key: `hosts.${name}.provider.server_type`,
        message:
          `"${provider.serverType}" has ${architecture === "arm" ? "an ARM" : "an x86"} processor, and hosts.${name}.system is "${system}"; ` +
          `set system = "${systemFor(architecture)}", or choose a server type of the other architecture`,
      },
    ];
  });
}

/** Every address of an adopted machine, with its key. The same address at another port may be another machine. */
function addressesOf(inventory: Inventory, [name, host]: [string, Host]) {
  const { provider } = host;
  if (provider.kind !== "existing") return [];
  const { address, ipv6 } = provider;
  const sshPort = addressPortOf(inventory, host);
  const own = [
    ...(address === undefined ? [] : [{ key: "address", at: endpoint(address, sshPort) }]),
    ...(ipv6 === undefined ? [] : [{ key: "ipv6", at: endpoint(ipv6, sshPort) }]),
  ];
  // A machine with IPv6 only may have its one address under both keys.
  const [first, second] = own;
  const distinct = first?.at === second?.at ? own.slice(0, 1) : own;
  return distinct.map((each) => ({ name, ...each }));
}

function duplicateProblems(inventory: Inventory): Problem[] {
  const entries = Object.entries(inventory.hosts);
  const byAddress = collisions(
    entries.flatMap((entry) => addressesOf(inventory, entry)),
    ({ at }) => at,
  ).map(([a, b, at]) => ({
    key: `hosts.${b.name}.provider.${b.key}`,
    message: `${at} is also the ${b.key === a.key ? "address" : a.key} of hosts.${a.name}; ${ONE_MACHINE_REMEDY}`,
  }));
  const pinned = ([, { provider }]: [string, Host]) =>
    provider.kind === "existing" && provider.hostKey !== undefined ? keyOf(provider.hostKey) : undefined;
  const byKey = collisions(entries, pinned).map(([[a], [b]]) => ({
    key: `hosts.${b}.provider.host_key`,
    message: `is also the host key of hosts.${a}; ${ONE_MACHINE_REMEDY}, or create new host keys on the copy`,
  }));
  return [...byAddress, ...byKey];
}

function groupProblems(hosts: Inventory["hosts"]): Problem[] {
  const members = new Map<string, string[]>();
  for (const [name, { provider, environment }] of Object.entries(hosts)) {
    if (provider.kind !== "hetzner" || provider.placementGroup === undefined) continue;
    const group = `${environment}/${provider.placementGroup}`;
    members.set(group, [...(members.get(group) ?? []), name]);
  }
  return [...members.values()].flatMap((names) =>
    names.slice(MAX_GROUP_SERVERS).map((name) => ({
      key: `hosts.${name}.provider.placement_group`,
      message: `the group has ${names.length} servers, and Hetzner Cloud allows ${MAX_GROUP_SERVERS}: put this one into another group`,
    })),
  );
}

/** Problems between the machines of an inventory. */
export function machineProblems(whole: Inventory): Problem[] {
  return [
    ...architectureProblems(whole.hosts),
    ...duplicateProblems(inService(whole)),
    // A retired server is still in its group.
    ...groupProblems(whole.hosts),
  ];
}
