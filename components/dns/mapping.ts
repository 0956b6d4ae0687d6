import { isIP } from "node:net";
import { isLocal } from "../../inventory/addresses.ts";
import type { Plan } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { recordsFor, type ZoneContents, type ZoneHost, type ZoneRecord } from "./records.ts";

/** Addresses and host key of one host, if it has them. */
export interface HostAddresses<T> {
  readonly ipv4?: T | undefined;
  readonly ipv6?: T | undefined;
  readonly hostKey?: T | undefined;
}

/** Whether an address may be published: local ones are not, because they would only reveal a home network. */
export function isPublishable(address: unknown): boolean {
  if (typeof address !== "string") return address !== undefined;
  return isIP(address) !== 0 && !isLocal(address);
}

/** Name of the apex in a service's `subdomain` or a record's name. */
const APEX = "@";

/**
 * Inventory -> contents of the zone.
 * @param addresses by host name; a host that is absent gets no records.
 * @throws Error when the inventory has no `[dns]` table.
 */
export function zoneContentsFor<T>(
  plan: Plan,
  addresses: Readonly<Record<string, HostAddresses<T>>>,
): ZoneContents<T> {
  const { dns, cache } = plan.inventory;
  if (dns === undefined) throw new Error("the inventory has no table [dns]; add it with zone = …");
  const prefix = plan.settings.dnsPrefix;
  const fqdn = (name: string) =>
    [name === APEX ? undefined : name, prefix, dns.zone].filter(Boolean).join(".");
  const hosts = plan.hosts.map((host): ZoneHost<T> => {
    const { ipv4, ipv6, hostKey } = entryOf(addresses, host.name) ?? {};
    return {
      name: host.name,
      fqdn: host.fqdn,
      ...(isPublishable(ipv4) && { ipv4 }),
      ...(isPublishable(ipv6) && { ipv6 }),
      ...(dns.sshfp && hostKey !== undefined && { hostKey }),
      aliases: host.aliases.map(fqdn),
    };
  });
  const services = plan.services
    .filter((service) => service.public)
    .map(({ name, fqdn: full, host, proxied }) => ({
      name,
      fqdn: full,
      host: plan.settings.gateway ?? host,
      proxied: proxied ?? true,
    }));
  const cacheHost = plan.hosts.find((host) => host.name === cache.host);
  return {
    zone: dns.zone,
    ttl: dns.ttl,
    hosts,
    services: cacheHost
      ? [
          ...services,
          {
            name: cache.name,
            fqdn: fqdn(cache.name),
            host: cacheHost.name,
            proxied: false,
            origin: "cache.name",
          },
        ]
      : services,
    ...(plan.settings.ownsSingletons && {
      caa: { issuers: dns.caa, report: dns.caaReport },
      extra: dns.records,
    }),
  };
}

/** The records of a stack, from its plan and its hosts' addresses. */
export const dnsRecordsFor = <T>(
  plan: Plan,
  addresses: Readonly<Record<string, HostAddresses<T>>>,
): ZoneRecord<T>[] => recordsFor(zoneContentsFor(plan, addresses));
