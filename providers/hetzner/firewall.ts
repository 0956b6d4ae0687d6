import { CLOUDFLARE_RANGES } from "../../clients/cloudflare/ranges.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";

/** One inbound rule of a Hetzner Cloud firewall. Other inbound traffic is dropped; outbound traffic is allowed. */
export interface FirewallRule {
  readonly direction: "in";
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly port?: string;
  readonly sourceIps: string[];
  readonly description: string;
}

/** Who may reach a server from outside the tailnet. */
export interface FirewallSources {
  /** Networks that may reach sshd. Empty: none, the host is reached over the tailnet only. */
  readonly ssh: readonly string[];
  /** Ports of sshd, with the former one while the port changes. 22 by default. */
  readonly sshPorts?: readonly number[];
  /** Networks that may reach ports 80 and 443; Cloudflare's proxies by default. Empty: none. */
  readonly web?: readonly string[];
}

const ANYWHERE = ["0.0.0.0/0", "::/0"];

/** Port of Tailscale's direct connections; without it peers fall back to relays. Source: tailscale.com/kb/1082. */
const TAILSCALE_PORT = "41641";

/**
 * Rules of a retired server: one rule that admits no traffic. An empty list would mean the same, but the
 * provider never sends it: the update succeeds and the old rules stay (terraform-provider-hcloud
 * v1.68.0, internal/firewall/resource.go).
 */
export const CLOSED: readonly FirewallRule[] = [
  { direction: "in", protocol: "icmp", sourceIps: ["127.0.0.1/32"], description: "closed: admits nobody" },
];

/** Networks per rule. Source: Hetzner Cloud documentation, "Firewalls", FAQ. */
const MAX_SOURCES = 100;

/**
 * The rules of one server: SSH and the web from the given networks, Tailscale and ICMP from anywhere
 * (path MTU discovery needs ICMP).
 * @throws Error when a rule has more networks than the vendor takes.
 */
export function firewallRules({
  ssh,
  sshPorts = [SSH_PORT],
  web = CLOUDFLARE_RANGES,
}: FirewallSources): FirewallRule[] {
  const tcp = (port: string, sources: readonly string[], description: string): FirewallRule[] =>
    sources.length === 0
      ? []
      : [{ direction: "in", protocol: "tcp", port, sourceIps: [...new Set(sources)].sort(), description }];
  const rules: FirewallRule[] = [
    ...sshPorts.flatMap((port) => tcp(String(port), ssh, "SSH: installation and recovery")),
    ...tcp("80", web, "HTTP"),
    ...tcp("443", web, "HTTPS"),
    {
      direction: "in",
      protocol: "udp",
      port: TAILSCALE_PORT,
      sourceIps: [...ANYWHERE],
      description: "Tailscale",
    },
    { direction: "in", protocol: "icmp", sourceIps: [...ANYWHERE], description: "ICMP" },
  ];
  const long = rules.find((rule) => rule.sourceIps.length > MAX_SOURCES);
  if (long) {
    throw new Error(
      `firewall rule "${long.description}": ${long.sourceIps.length} networks, the vendor takes ${MAX_SOURCES}`,
    );
  }
  return rules;
}
