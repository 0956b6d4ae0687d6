import { BlockList, isIPv4 } from "node:net";
import { conflict, invalidInput, notFound, unprocessable } from "./errors.ts";
import type { NetworkRow, PrivateNet, ServerRow, State } from "./state.ts";

export const toNumber = (ip: string) => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
export const toAddress = (value: number) =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

export interface Range {
  first: number;
  size: number;
  bits: number;
}

/** Reads `10.0.0.0/16`; undefined unless it is IPv4 with no host bits set. */
export function parseRange(text: string): Range | undefined {
  const [address = "", prefix = ""] = text.split("/");
  if (!isIPv4(address) || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) return undefined;
  const size = 2 ** (32 - Number(prefix));
  const first = toNumber(address);
  return first % size === 0 ? { first, size, bits: Number(prefix) } : undefined;
}

export const contains = (outer: Range, inner: Range) =>
  inner.first >= outer.first && inner.first + inner.size <= outer.first + outer.size;

export const overlaps = (a: Range, b: Range) => a.first < b.first + b.size && b.first < a.first + a.size;

const privateRanges = new BlockList();
for (const [address, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  privateRanges.addSubnet(address, prefix);
}

/** A network's or subnet's range, checked as the vendor does: RFC 1918, at least /29. */
export function privateRange(text: string, field = "ip_range"): Range {
  const range = parseRange(text);
  if (range === undefined) throw invalidInput(field, `${text} is not an IPv4 network`);
  if (!privateRanges.check(toAddress(range.first)))
    throw invalidInput(field, "must be a private range (RFC 1918)");
  if (range.bits > 29) throw invalidInput(field, "the minimum network size is /29");
  return range;
}

/** The range of a new subnet: as given, or the first free /24 of the network. */
export function chooseSubnet(network: NetworkRow, wanted: string | undefined): string {
  const whole = privateRange(network.ip_range);
  const taken = network.subnets.flatMap((subnet) => parseRange(subnet.ip_range) ?? []);
  if (wanted !== undefined) {
    const range = privateRange(wanted);
    if (!contains(whole, range)) throw invalidInput("ip_range", "subnet is not part of the network's range");
    if (taken.some((other) => overlaps(other, range)))
      throw invalidInput("ip_range", "overlaps with another subnet");
    return wanted;
  }
  const size = Math.min(256, whole.size);
  for (let first = whole.first; first < whole.first + whole.size; first += size) {
    const range = { first, size, bits: 32 - Math.log2(size) };
    if (!taken.some((other) => overlaps(other, range))) return `${toAddress(first)}/${range.bits}`;
  }
  throw unprocessable("no_subnet_available", "no subnet is left in the network");
}

/** All private addresses in use in a network. */
function usedAddresses(state: State, network: number): Set<string> {
  const nets = Object.values(state.servers).flatMap((server) =>
    server.private_net.filter((net) => net.network === network),
  );
  return new Set(nets.flatMap((net) => [net.ip, ...net.alias_ips]));
}

/**
 * Attaches a server to a network: at the address asked for, or the lowest free one of the first subnet with room
 * (or of the subnet asked for). The first address of a network, and of each subnet, is its gateway.
 */
export function joinNetwork(
  state: State,
  server: ServerRow,
  id: number,
  wanted: { ip?: string | undefined; ipRange?: string | undefined; aliases?: string[] } = {},
): PrivateNet {
  const network = state.networks[id];
  if (network === undefined) throw notFound("network", id);
  if (server.private_net.some((net) => net.network === id)) {
    throw conflict("server_already_attached", "server is already attached to the network");
  }
  const subnets = network.subnets.filter(
    (subnet) => wanted.ipRange === undefined || subnet.ip_range === wanted.ipRange,
  );
  const used = usedAddresses(state, id);
  const isGateway = (value: number, range: Range) => value === range.first + 1;
  const free = (value: number, range: Range) =>
    value > range.first &&
    value < range.first + range.size - 1 &&
    !isGateway(value, range) &&
    !used.has(toAddress(value));
  const ip = subnets
    .flatMap((subnet) => parseRange(subnet.ip_range) ?? [])
    .map((range) => {
      if (wanted.ip !== undefined) return free(toNumber(wanted.ip), range) ? wanted.ip : undefined;
      for (let value = range.first + 2; value < range.first + range.size - 1; value++) {
        if (free(value, range)) return toAddress(value);
      }
      return undefined;
    })
    .find((address) => address !== undefined);
  if (ip === undefined) {
    throw wanted.ip === undefined
      ? unprocessable("no_subnet_available", "no subnet or IP is available in the network")
      : unprocessable("ip_not_available", `IP ${wanted.ip} is not available`);
  }
  const tail = [id % 256, ...toNumberParts(ip)].map((part) => part.toString(16).padStart(2, "0"));
  const net: PrivateNet = {
    network: id,
    ip,
    alias_ips: wanted.aliases ?? [],
    mac_address: `86:${tail.join(":")}`,
  };
  server.private_net.push(net);
  return net;
}

const toNumberParts = (ip: string) => ip.split(".").map(Number);
