import { BlockList, isIP } from "node:net";

/** Networks that are not reachable from everywhere: RFC 1918, 3927, 4193, 4291, 6598 (the tailnet's), loopback. */
const LOCAL = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["127.0.0.0", 8],
] as const) {
  LOCAL.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ["fc00::", 7],
  ["fe80::", 10],
  ["::1", 128],
] as const) {
  LOCAL.addSubnet(network, bits, "ipv6");
}

/** Whether an address is valid only inside some network. False for text that is not an address. */
export function isLocal(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LOCAL.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** The shortest form of an IPv6 address (RFC 5952), as Cloudflare returns it; other text is unchanged. */
export const shortAddress = (address: string): string =>
  isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
