import type * as pulumi from "@pulumi/pulumi";
import type { HetznerHost, Plan } from "../../inventory/plan.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { openSshPorts, sshSourcesOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { InstallArgs } from "../nixos-host/install.ts";
import type { HetznerAccount } from "./account.ts";
import type { HetznerServerArgs } from "./server.ts";

/** Placement groups that the stack's servers name. */
export const placementGroupNames = (hosts: readonly HetznerHost[]): string[] =>
  [...new Set(hosts.flatMap((host) => host.provider.placementGroup ?? []))].sort();

/** Whether servers are deleted with the stack. `protect` wins, as in a sandbox that rehearses production. */
export const isDisposable = ({ settings }: Plan): boolean => settings.disposable && !settings.protect;

/** Whether deploys use the public address. Otherwise sshd is reached there only during installations. */
const isDeployedPublicly = ({ deploy, tailnet }: Plan["inventory"]): boolean =>
  deploy.address === "public" || tailnet === undefined;

/** Whether the host's connections go to its public address. With a jump host they always do. */
export const isReachedPublicly = (inventory: Plan["inventory"], { ssh }: Pick<HetznerHost, "ssh">): boolean =>
  isDeployedPublicly(inventory) || ssh.jump !== undefined;

/**
 * What an installation needs at the vendor. `allowedSources` is set when Pulumi's firewall closes
 * port 22, on which a created machine listens.
 */
export function hetznerInstallArgs(
  host: HetznerHost,
  { inventory }: Plan,
  stack: string,
  endpoint: string,
): NonNullable<InstallArgs["hetzner"]> {
  const sources = sshSourcesOf(inventory, host);
  const ports = openSshPorts(inventory, host);
  const open = isReachedPublicly(inventory, host) && sources.length > 0 && ports.includes(SSH_PORT);
  return { endpoint, stack, image: host.provider.image, ...(!open && { allowedSources: sources }) };
}

/**
 * Networks that may reach ports 80 and 443 of a host: none if it serves no public name, all if one of
 * its names does not go through Cloudflare (the cache never does), else Cloudflare's proxies
 * (undefined). The host's own firewall has the same rule (nix/lib/registry.nix).
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
