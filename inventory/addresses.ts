import { BlockList, isIP } from "node:net";

/** Networks that are not reachable from everywhere: RFC 1918, 3927, 4193, 4291, 6598 (the tailnet's), loopback. */
const LOCAL_NETWORKS = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "127.0.0.0/8",
  "fc00::/7",
  "fe80::/10",
  "::1/128",
];

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

/** Parts of a network in CIDR notation; an address alone is a network of one address. */
export function networkOf(cidr: string): Network {
  const [address = "", bits] = cidr.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return { address, family, bits: bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits) };
}

/** Whether a network is a part of one of the others, in CIDR notation. */
export const isWithin = (cidr: string, others: readonly string[]): boolean => {
  const { address, bits, family } = networkOf(cidr);
  return others.some((other) => {
    const outer = networkOf(other);
    if (outer.family !== family || outer.bits > bits) return false;
    const list = new BlockList();
    list.addSubnet(outer.address, outer.bits, outer.family);
    return list.check(address, family);
  });
};

/** Whether all addresses of a network are local ones. */
export const isLocalNetwork = (cidr: string): boolean => isWithin(cidr, LOCAL_NETWORKS);

const LOCAL = new BlockList();
for (const cidr of LOCAL_NETWORKS) {
  const { address, bits, family } = networkOf(cidr);
  LOCAL.addSubnet(address, bits, family);
}

/** Whether an address is valid only inside some network. False for text that is not an address. */
export function isLocal(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LOCAL.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** The shortest form of an IPv6 address (RFC 5952), as Cloudflare returns it; other text is unchanged. */
export const shortAddress = (address: string): string =>
  isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
