import type { Plan } from "../../inventory/plan.ts";
import type { Inventory } from "../../inventory/schema.ts";
import { openSshPorts } from "../../inventory/ssh.ts";
import { type PolicyInput, policyFor } from "./policy.ts";
import type { TailnetArgs } from "./tailnet.ts";

/** Input of the policy: the hosts of all environments that are deployed to, because a tailnet has one policy. */
export function policyInput(inventory: Inventory): PolicyInput {
  const { tailnet } = inventory;
  if (tailnet === undefined)
    throw new Error("the inventory has no table [tailnet]; add it with name and suffix");
  return {
    groups: tailnet.groups,
    admins: tailnet.admins,
    hosts: Object.entries(inventory.hosts)
      .filter(([, host]) => host.provider.kind !== "image")
      .map(([name, host]) => ({ name, tags: host.tags, sshPorts: openSshPorts(inventory, host) })),
    services: Object.entries(inventory.services).map(([name, { host, port, groups }]) => ({
      name,
      host,
      port,
      groups,
    })),
    deployUser: inventory.deploy.user,
  };
}

/** Inventory -> arguments of the stack's part in the tailnet; undefined when the fleet has none. */
export function tailnetArgs(plan: Plan, stack: string): TailnetArgs | undefined {
  const { tailnet } = plan.inventory;
  if (tailnet === undefined) return undefined;
  const { disposable, ownsSingletons } = plan.settings;
  return {
    hosts: plan.hosts.map(({ name, tags, formerly }) => ({ name, tags, formerly })),
    stack,
    keyExpiryDays: tailnet.keyExpiryDays,
    ...(ownsSingletons && {
      singletons: {
        policy: policyFor(policyInput(plan.inventory)),
        overwritePolicy: disposable,
        resetPolicyOnDestroy: disposable,
        magicDns: tailnet.magicDns,
        nameservers: tailnet.nameservers,
        searchPaths: tailnet.searchPaths,
      },
    }),
  };
}
