import type * as pulumi from "@pulumi/pulumi";
import { isDisposable, type Plan } from "../../inventory/plan.ts";
import { isReachedPublicly, openSshPorts, sshSourcesOf } from "../../inventory/ssh.ts";
import { webSourcesOf } from "../../inventory/web-sources.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { HetznerAccount } from "./account.ts";
import type { HetznerHost } from "./host.ts";
import type { HetznerServerArgs } from "./server.ts";

/** Placement groups that the stack's servers name. */
export const placementGroupNames = (hosts: readonly HetznerHost[]): string[] =>
  [...new Set(hosts.flatMap((host) => host.provider.placementGroup ?? []))].sort();

/** Inventory -> arguments of one server. */
export function hetznerServerArgs(
  host: HetznerHost,
  plan: Plan,
  stack: string,
  account: Pick<HetznerAccount, "sshKeys" | "placementGroups">,
): HetznerServerArgs {
  const { provider } = host;
  const webSources = webSourcesOf(host.name, plan);
  const group: pulumi.Output<number> | undefined = provider.placementGroup
    ? entryOf(account.placementGroups, provider.placementGroup)
    : undefined;
  return {
    hostname: host.name,
    stack,
    environment: plan.environment,
    serverType: provider.serverType,
    location: provider.location,
    image: provider.image,
    sshKeys: account.sshKeys,
    sshPorts: openSshPorts(plan.inventory, host),
    sshSources: isReachedPublicly(plan.inventory, host) ? sshSourcesOf(plan.inventory, host) : [],
    ...(webSources && { webSources }),
    ...(plan.inventory.dns && { reverseDns: host.fqdn }),
    protect: plan.settings.protect,
    retain: !isDisposable(plan),
    retired: host.decommission,
    backups: provider.backups,
    ...(group && { placementGroupId: group }),
    labels: provider.labels,
  };
}
