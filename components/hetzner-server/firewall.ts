import { CLOUDFLARE_RANGES } from "./cloudflare-ranges.ts";

/** One inbound rule of a Hetzner Cloud firewall. What no rule admits is dropped; outbound traffic is free. */
export interface FirewallRule {
  readonly direction: "in";
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly port?: string;
  readonly sourceIps: string[];
  readonly description: string;
}

/** Who may reach a server from outside the tailnet. */
export interface FirewallSources {
  /** Networks admitted to sshd. Empty: nobody, the tailnet is the only way in. */
  readonly ssh: readonly string[];
  /** Networks admitted to 80 and 443; Cloudflare's proxies unless told otherwise. Empty: nobody. */
  readonly web?: readonly string[];
}

const ANYWHERE = ["0.0.0.0/0", "::/0"];

/** Port of Tailscale's direct connections; without it peers fall back to relays. Source: tailscale.com/kb/1082. */
const TAILSCALE_PORT = "41641";

/**
 * Rules of a server that is out of service: one, which admits nobody. An empty list would do the same at the vendor, but its provider
 * never sends one: the update succeeds and the old rules stay (terraform-provider-hcloud v1.68.0, internal/firewall/resource.go).
 */
export const CLOSED: readonly FirewallRule[] = [
  { direction: "in", protocol: "icmp", sourceIps: ["127.0.0.1/32"], description: "closed: admits nobody" },
];

/** Limits of a firewall. Source: Hetzner Cloud documentation, "Firewalls", FAQ. */
const limits = { rules: 50, sources: 100 };

/**
 * The rules of one server: SSH from the deploy's networks only, the web from where its names are reached, Tailscale and ICMP from anywhere
 * (path MTU discovery needs ICMP).
 * @throws Error when the vendor would refuse the rules for their number.
 */
export function firewallRules({ ssh, web = CLOUDFLARE_RANGES }: FirewallSources): FirewallRule[] {
  const tcp = (port: string, sources: readonly string[], description: string): FirewallRule[] =>
    sources.length === 0
      ? []
      : [{ direction: "in", protocol: "tcp", port, sourceIps: [...new Set(sources)].sort(), description }];
  const rules: FirewallRule[] = [
    ...tcp("22", ssh, "SSH: installation and recovery"),
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
  const long = rules.find((rule) => rule.sourceIps.length > limits.sources);
  if (long) {
    throw new Error(
      `firewall rule "${long.description}": ${long.sourceIps.length} networks, the vendor takes ${limits.sources}`,
    );
  }
  return rules;
}
