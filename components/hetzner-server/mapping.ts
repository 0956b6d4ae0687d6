import type * as pulumi from "@pulumi/pulumi";
import type { HetznerHost, Plan } from "../../inventory/plan.ts";
import type { InstallArgs } from "../nixos-host/install.ts";
import type { HetznerAccount } from "./account.ts";
import type { HetznerServerArgs } from "./server.ts";

/** Placement groups that the stack's servers name. */
export const placementGroupNames = (hosts: readonly HetznerHost[]): string[] =>
  [...new Set(hosts.flatMap((host) => host.provider.placementGroup ?? []))].sort();

/** Whether servers are deleted with the stack. `protect` wins, as in a sandbox that rehearses production. */
export const isDisposable = ({ settings }: Plan): boolean => settings.disposable && !settings.protect;

/** Whether deploys come over the public address; otherwise its port 22 is for installations only. */
export const isDeployedPublicly = ({ deploy, tailnet }: Plan["inventory"]): boolean =>
  deploy.address === "public" || tailnet === undefined;

/** What an installation does at the vendor beside Pulumi: it opens port 22 where that is closed. */
export function hetznerInstallArgs(
  host: HetznerHost,
  { inventory }: Plan,
  stack: string,
  endpoint: string,
): NonNullable<InstallArgs["hetzner"]> {
  const { sources } = inventory.deploy;
  const open = isDeployedPublicly(inventory) && sources.length > 0;
  return { endpoint, stack, image: host.provider.image, ...(open ? {} : { allowedSources: sources }) };
}

/**
 * Networks that reach 80 and 443 of a host: nobody where it serves no public name, everybody where one does not go through
 * Cloudflare (the cache never does), else Cloudflare's proxies (undefined). The host's own firewall says the same (nix/lib/registry.nix).
 */
export function webSourcesOf(host: string, { inventory, settings, services }: Plan): string[] | undefined {
  const served = services
    .filter((service) => service.public && service.protocol === "http")
    .filter((service) => (settings.gateway ?? service.host) === host)
    .map((service) => service.proxied ?? true);
  const proxied = inventory.cache.host === host ? [...served, false] : served;
  if (proxied.length === 0) return [];
  return proxied.includes(false) ? ["0.0.0.0/0", "::/0"] : undefined;
}

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
  const webSources = webSourcesOf(host.name, plan);
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
    sshSources: isDeployedPublicly(plan.inventory) ? plan.inventory.deploy.sources : [],
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
