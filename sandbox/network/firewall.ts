import type { FirewallRule } from "../vendors/compute.ts";
import { linkName } from "./names.ts";
import { TAILNET_NETWORK } from "./plan.ts";

/** Values of `meta l4proto`, the only nft match that has ESP and GRE by name. */
const PROTOCOLS: Readonly<Record<FirewallRule["protocol"], string>> = {
  tcp: "tcp",
  udp: "udp",
  icmp: "{ icmp, ipv6-icmp }",
  esp: "esp",
  gre: "gre",
};

const CIDR = /^[0-9a-fA-F.:]+\/\d{1,3}$/;
const PORT = /^\d{1,5}(-\d{1,5})?$/;

function nftTable(machine: string): string {
  // nft identifiers take no dashes; the link name is unique.
  return `inet machine_${linkName(machine).replaceAll("-", "_")}`;
}

/** The nft statements of one rule, one for each address family. */
export function ruleStatements(rule: FirewallRule): readonly string[] {
  const side = rule.direction === "in" ? "saddr" : "daddr";
  if (rule.port !== undefined && !PORT.test(rule.port)) throw new Error(`port ${JSON.stringify(rule.port)}`);
  const bad = rule.addresses.find((peer) => !CIDR.test(peer));
  if (bad !== undefined) throw new Error(`not a CIDR: ${JSON.stringify(bad)}`);
  const match =
    (rule.protocol === "tcp" || rule.protocol === "udp") && rule.port !== undefined
      ? `${rule.protocol} dport ${rule.port}`
      : `meta l4proto ${PROTOCOLS[rule.protocol]}`;
  const families: readonly (readonly [string, readonly string[]])[] = [
    ["ip", rule.addresses.filter((peer) => !peer.includes(":"))],
    ["ip6", rule.addresses.filter((peer) => peer.includes(":"))],
  ];
  return families
    .filter(([, peers]) => peers.length > 0)
    .map(([family, peers]) => `${addressMatch(family, side, peers)}${match} return`);
}

/** Every address of a family needs no address match, only the family. nft refuses overlaps without auto-merge. */
function addressMatch(family: string, side: string, peers: readonly string[]): string {
  if (peers.some((peer) => peer.endsWith("/0"))) return `meta nfproto ${family === "ip" ? "ipv4" : "ipv6"} `;
  return peers.length === 1 ? `${family} ${side} ${peers[0]} ` : `${family} ${side} { ${peers.join(", ")} } `;
}

/**
 * nft script that enforces the rules on the machine's link, outside of the machine; one transaction, so there
 * is no moment without rules. As at Hetzner: without a firewall everything passes. With one, inbound traffic
 * needs a rule; outbound traffic needs one only when the firewall has outbound rules.
 * Hetzner Cloud documentation, "Firewalls", overview
 *
 * `rules` null: no firewall is attached.
 */
export function firewallScript(machine: string, rules: readonly FirewallRule[] | null): string {
  const table = nftTable(machine);
  const fresh = `table ${table}\ndelete table ${table}\n`;
  if (rules === null) return fresh;
  const link = linkName(machine);
  const inbound = rules.filter((rule) => rule.direction === "in").flatMap(ruleStatements);
  const outbound = rules.filter((rule) => rule.direction === "out");
  return `${fresh}table ${table} {
${chain("inbound", inbound, "drop")}
${chain("outbound", outbound.flatMap(ruleStatements), outbound.length === 0 ? "accept" : "drop")}
  chain output { type filter hook output priority filter; oifname "${link}" jump inbound; }
  chain input { type filter hook input priority filter; iifname "${link}" jump outbound; }
  chain forward { type filter hook forward priority filter; iifname "${link}" jump outbound; oifname "${link}" jump inbound; }
}
`;
}

function chain(name: string, statements: readonly string[], last: "accept" | "drop"): string {
  const lines = [
    "ct state established,related return",
    // The vendor's firewall sees tailnet traffic only as one encrypted stream.
    `ip daddr ${TAILNET_NETWORK} return`,
    `ip saddr ${TAILNET_NETWORK} return`,
    // Neighbour discovery belongs to the link; Hetzner does not filter it.
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } return",
    // `return`, not `accept`: in the forward chain the other machine's rules follow.
    ...statements,
    last === "drop" ? "drop" : "return",
  ];
  return `  chain ${name} {\n${lines.map((line) => `    ${line}`).join("\n")}\n  }`;
}
