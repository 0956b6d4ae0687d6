import type * as pulumi from "@pulumi/pulumi";
import type { HetznerHost, Plan } from "../../inventory/plan.ts";
import type { HetznerAccount } from "./account.ts";
import type { HetznerServerArgs } from "./server.ts";

/** Placement groups that the stack's servers name. */
export const placementGroupsOf = (hosts: readonly HetznerHost[]): string[] =>
  [...new Set(hosts.flatMap((host) => host.provider.placementGroup ?? []))].sort();

/**
 * Inventory -> arguments of one server. `account` holds what all servers of the stack share.
 * The full name is also what the addresses point back to.
 */
export function hetznerServerArgs(
  host: HetznerHost,
  plan: Plan,
  stack: string,
  account: Pick<HetznerAccount, "sshKeys" | "placementGroups">,
): HetznerServerArgs {
  const { provider } = host;
  const group: pulumi.Output<number> | undefined = provider.placementGroup
    ? account.placementGroups[provider.placementGroup]
    : undefined;
  return {
    hostname: host.name,
    stack,
    environment: plan.environment,
    serverType: provider.serverType,
    location: provider.location,
    image: provider.image,
    sshKeys: account.sshKeys,
    sshSources: plan.inventory.deploy.sources,
    ...(plan.inventory.dns && { reverseDns: host.fqdn }),
    protect: plan.settings.protect,
    backups: provider.backups,
    ...(group && { placementGroupId: group }),
    labels: provider.labels,
  };
}
