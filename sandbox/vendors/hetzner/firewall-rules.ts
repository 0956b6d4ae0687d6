import type { FirewallRule } from "../compute.ts";
import type { FirewallRow, RuleRow, ServerRow, State } from "./state.ts";

/** Firewalls that are applied to a server. */
export const firewallsOf = (state: State, server: ServerRow): FirewallRow[] =>
  Object.values(state.firewalls).filter((firewall) => firewall.servers.includes(server.id));

/** Converts the vendor's rule for the packet filter. */
function filterRule(rule: RuleRow): FirewallRule {
  return {
    direction: rule.direction,
    protocol: rule.protocol,
    ...(rule.port !== null && { port: rule.port === "any" ? "1-65535" : rule.port }),
    addresses: rule.direction === "in" ? rule.source_ips : rule.destination_ips,
  };
}

/** The packet filter of a machine: the rules of all its firewalls; null without a firewall. */
export function filterOf(state: State, server: ServerRow): FirewallRule[] | null {
  const firewalls = firewallsOf(state, server);
  return firewalls.length === 0 ? null : firewalls.flatMap((firewall) => firewall.rules.map(filterRule));
}
