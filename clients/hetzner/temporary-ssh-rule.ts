/**
 * Opens sshd of one server while it is installed, with a firewall of its own. Pulumi's firewall
 * stays as it is: the vendor accepts what any firewall of a server accepts.
 */
import { shortName } from "../../lib/short-name.ts";
import { VendorError } from "../vendor-api.ts";
import type { HetznerApi } from "./api.ts";

export interface TemporarySshRule {
  readonly stack: string;
  readonly host: string;
  /** The vendor's id of the server. */
  readonly server: number;
  /** Ports of sshd: before and after the installation. */
  readonly ports: readonly number[];
  /** Networks that may connect. */
  readonly sources: readonly string[];
}

const PURPOSE = "install-door";

/** Labels of a host's rule. They also find the rule of a killed run. */
const sshRuleLabels = ({
  stack,
  host,
}: Pick<TemporarySshRule, "stack" | "host">): Record<string, string> => ({
  "managed-by": "pantheros",
  purpose: PURPOSE,
  stack,
  host,
});

export const sshRuleSelector = (rule: Pick<TemporarySshRule, "stack" | "host">): string =>
  Object.entries(sshRuleLabels(rule))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** Body of the request that creates the firewall and applies it to the server. */
export const sshRuleFirewall = (rule: TemporarySshRule): object => ({
  // Unique in the vendor's project, so a host has at most one.
  name: shortName(`${rule.stack}-${rule.host}-${PURPOSE}`, 128),
  labels: sshRuleLabels(rule),
  rules: [...new Set(rule.ports)].map((port) => ({
    direction: "in",
    protocol: "tcp",
    port: String(port),
    source_ips: [...new Set(rule.sources)].sort(),
    description: "SSH while it is installed",
  })),
  apply_to: [{ type: "server", server: { id: rule.server } }],
});

/** Removes the host's rules by label, those of killed runs included. */
export async function removeSshRule(
  api: HetznerApi,
  rule: Pick<TemporarySshRule, "stack" | "host">,
): Promise<void> {
  for (const firewall of await api.firewalls(sshRuleSelector(rule))) await api.removeFirewall(firewall);
}

export async function addSshRule(api: HetznerApi, rule: TemporarySshRule): Promise<void> {
  await removeSshRule(api, rule);
  try {
    await api.createFirewall(sshRuleFirewall(rule));
  } catch (error) {
    // The first attempt created the firewall and its answer was lost, so the name is taken.
    if (!(error instanceof VendorError && error.code === "uniqueness_error")) throw error;
    await removeSshRule(api, rule);
    await api.createFirewall(sshRuleFirewall(rule));
  }
}
