import type * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../inventory/plan.ts";
import type { SecretsArgs } from "./secrets.ts";

/**
 * Inventory -> arguments of the stack's secrets.
 * @param tailnetKeys host -> key to join the tailnet with; each becomes an item `tailnet key HOST`.
 */
export const secretsArgs = (
  plan: Plan,
  stack: string,
  tailnetKeys: Readonly<Record<string, pulumi.Input<string>>>,
): SecretsArgs => ({
  stack,
  vault: plan.inventory.fleet.vault,
  requests: plan.secrets,
  stored: Object.entries(tailnetKeys)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, value]) => ({ key: `tailnet-${host}`, title: `tailnet key ${host}`, value })),
});
