import type { FirewallRule } from "./compute.ts";
import type { FirewallRow, RuleRow, ServerRow, State } from "./state.ts";

/** Firewalls that are applied to a server. */
export const firewallsOf = (state: State, server: ServerRow): FirewallRow[] =>
  Object.values(state.firewalls).filter((firewall) => firewall.servers.includes(server.id));

/** The vendor's rule in the form a packet filter takes. */
function filterRule(rule: RuleRow): FirewallRule {
  return {
    direction: rule.direction,
    protocol: rule.protocol,
    ...(rule.port === null ? {} : { port: rule.port === "any" ? "1-65535" : rule.port }),
    addresses: rule.direction === "in" ? rule.source_ips : rule.destination_ips,
  };
}

/** The filter of a machine: null without a firewall, otherwise the union of the rules of all of them. */
export function filterOf(state: State, server: ServerRow): FirewallRule[] | null {
  const firewalls = firewallsOf(state, server);
  return firewalls.length === 0 ? null : firewalls.flatMap((firewall) => firewall.rules.map(filterRule));
}
