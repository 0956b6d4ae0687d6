import { ApiError } from "./errors.ts";
import { newId, timestamp } from "./project.ts";
import type { Labels, PrimaryIpRow, State } from "./state.ts";

/** 203.0.113.10 to .250: a documentation network for the vendor's public addresses. */
const IPV4_FIRST = 10;
const IPV4_COUNT = 241;
const IPV6_COUNT = 0xffff;

const ipv4At = (index: number) => `203.0.113.${IPV4_FIRST + index}`;
const ipv6At = (index: number) => `2001:db8:1:${(index + 1).toString(16)}::/64`;

/** The next free address. A released address is not reused at once, as at a busy vendor. */
export function nextAddress(state: State, type: "ipv4" | "ipv6"): string {
  const [count, at] = type === "ipv4" ? [IPV4_COUNT, ipv4At] : [IPV6_COUNT, ipv6At];
  const taken = new Set(Object.values(state.primary_ips).map((row) => row.ip));
  for (let step = 0; step < count; step++) {
    const index = (state.nextAddress[type] + step) % count;
    if (taken.has(at(index))) continue;
    state.nextAddress[type] = (index + 1) % count;
    return at(index);
  }
  throw new ApiError(503, "resource_unavailable", `no ${type} address is left`);
}

/** The vendor's default reverse DNS name of an address. */
function defaultPointer(ip: string): string {
  return ip.includes(":") ? "" : `static.${ip.split(".").reverse().join(".")}.clients.your-server.de`;
}

export function newPrimaryIp(
  state: State,
  wanted: { type: "ipv4" | "ipv6"; location: string; name?: string; labels?: Labels; auto_delete: boolean },
): PrimaryIpRow {
  const id = newId(state);
  const ip = nextAddress(state, wanted.type);
  const row: PrimaryIpRow = {
    id,
    name: wanted.name ?? `primary_ip-${id}`,
    type: wanted.type,
    ip,
    labels: wanted.labels ?? {},
    protection: { delete: false },
    dns_ptr: wanted.type === "ipv4" ? [{ ip, dns_ptr: defaultPointer(ip) }] : [],
    assignee_id: null,
    auto_delete: wanted.auto_delete,
    created: timestamp(),
    location: wanted.location,
  };
  state.primary_ips[id] = row;
  return row;
}

/** Sets one reverse DNS name, or with null the default. */
export function setPointer(row: PrimaryIpRow, ip: string, pointer: string | null): void {
  const value = pointer ?? defaultPointer(ip);
  row.dns_ptr = row.dns_ptr.filter((entry) => entry.ip !== ip);
  if (value !== "") row.dns_ptr.push({ ip, dns_ptr: value });
}

export const addressesOf = (state: State, server: number): PrimaryIpRow[] =>
  Object.values(state.primary_ips).filter((row) => row.assignee_id === server);
