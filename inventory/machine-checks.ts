/** Checks across the machines of a fleet: each is listed once, and can run what is built for it. */
import { isIPv4, isIPv6 } from "node:net";
import { inService } from "./plan.ts";
import { collisions, type Problem } from "./problems.ts";
import { PROVIDER_TABLES } from "./providers.ts";
import type { Host, Inventory } from "./schema.ts";
import { addressPortOf } from "./ssh.ts";

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

/** Problems of each provider's hosts. */
function providerProblems(inventory: Inventory): Problem[] {
  const hosts = Object.entries(inventory.hosts).map(([name, host]) => ({ ...host, name }));
  return PROVIDER_TABLES.flatMap(
    (table) => table.problems?.(hosts.filter(({ provider }) => provider.kind === table.kind)) ?? [],
  );
}

/** Problems between the machines of an inventory. */
export function machineProblems(whole: Inventory): Problem[] {
  return [...providerProblems(whole), ...duplicateProblems(inService(whole))];
}
