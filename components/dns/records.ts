import { canonicalContent, excludes, nameInZone } from "../../inventory/dns.ts";
import { sha256 } from "../../lib/sha256.ts";

/** A host in the zone. `T` is the type of an address: text in tests, a Pulumi input in the program. */
export interface ZoneHost<T> {
  /** Name in the inventory. */
  readonly name: string;
  readonly fqdn: string;
  readonly ipv4?: T | undefined;
  readonly ipv6?: T | undefined;
  /** Public host key to publish as SSHFP. */
  readonly hostKey?: T | undefined;
  /** Further full names that point to the host. */
  readonly aliases?: readonly string[];
}

/** A public name that points to a host. */
export interface ZoneService {
  readonly name: string;
  readonly fqdn: string;
  /** Name of the host, one of `hosts`. */
  readonly host: string;
  /** Through Cloudflare's proxies. False for the cache, because they limit request bodies (100 MB on free plans). */
  readonly proxied: boolean;
  /** Inventory key that the name comes from; `services.NAME` by default. */
  readonly origin?: string;
}

/** A record from the inventory's `dns.records`. */
export interface ZoneExtra {
  /** Full name, or `@` for the apex, or labels inside the zone. */
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly priority?: number | undefined;
  readonly proxied?: boolean | undefined;
  /** Seconds. */
  readonly ttl?: number | undefined;
}

/** Everything that one stack has in the zone. */
export interface ZoneContents<T> {
  readonly zone: string;
  /** Seconds, for records that are not proxied (60 to 86400). */
  readonly ttl: number;
  readonly hosts: readonly ZoneHost<T>[];
  readonly services: readonly ZoneService[];
  /** Authorities that may issue certificates for the zone, and the address for reports. Only for the stack that owns the apex. */
  readonly caa?: { readonly issuers: readonly string[]; readonly report?: string | undefined } | undefined;
  /** Only for the stack that owns the apex. */
  readonly extra?: readonly ZoneExtra[] | undefined;
}

/** One record, before its zone is known. Either `content` or `hostKey` is set. */
export interface ZoneRecord<T> {
  /**
   * Unique in the zone; part of the resource's name, independent of the order in a list. A and CNAME of a
   * name have the same key, so that one replaces the other. Where a name can have several records of a
   * type, the key contains a hash of the content.
   */
  readonly key: string;
  /** Inventory key that the record comes from, such as `hosts.web.aliases`. */
  readonly origin: string;
  /** Full name, lower case, no trailing dot: other spellings differ from what the API returns. */
  readonly name: string;
  readonly type: string;
  /** Seconds; 1 (automatic) for proxied records, which allow nothing else. */
  readonly ttl: number;
  readonly proxied: boolean;
  /** In the form of `canonicalContent`. */
  readonly content?: T | string;
  /** Of an MX record. */
  readonly priority?: number;
  /** Host key whose fingerprint the record publishes. */
  readonly hostKey?: T;
  readonly comment: string;
}

type Draft<T> = Omit<ZoneRecord<T>, "key" | "ttl" | "proxied"> & {
  key?: string;
  proxied?: boolean;
  ttl?: number;
};

/** Where a record comes from: its key in the inventory, and its comment at the vendor. */
interface Origin {
  readonly origin: string;
  readonly comment: string;
}

function addressRecords<T>(host: ZoneHost<T>, name: string, proxied: boolean, by: Origin): Draft<T>[] {
  return [
    ...(host.ipv4 === undefined ? [] : [{ name, type: "A", content: host.ipv4, proxied, ...by }]),
    ...(host.ipv6 === undefined ? [] : [{ name, type: "AAAA", content: host.ipv6, proxied, ...by }]),
  ];
}

function hostRecords<T>(host: ZoneHost<T>): Draft<T>[] {
  const origin = `hosts.${host.name}`;
  const addresses = addressRecords(host, host.fqdn, false, { origin, comment: `host ${host.name}` });
  if (addresses.length === 0) return [];
  const aliases = (host.aliases ?? []).map((name) => ({
    name,
    type: "CNAME",
    content: host.fqdn,
    comment: `alias of host ${host.name}`,
    origin: `${origin}.aliases`,
  }));
  const { hostKey } = host;
  const fingerprint =
    hostKey === undefined
      ? []
      : [{ name: host.fqdn, type: "SSHFP", hostKey, comment: `SSH key of host ${host.name}`, origin }];
  return [...addresses, ...aliases, ...fingerprint];
}

/** A service is an alias of its host. At the apex, where DNS allows no alias, it gets the host's addresses. */
function serviceRecords<T>(service: ZoneService, hosts: readonly ZoneHost<T>[], zone: string): Draft<T>[] {
  const host = hosts.find(({ name }) => name === service.host);
  if (host === undefined || (host.ipv4 === undefined && host.ipv6 === undefined)) {
    throw new Error(
      `services.${service.name}: ${service.fqdn} can't point to host "${service.host}", which has no public address; ` +
        "set public = false, or move the service to a host with one",
    );
  }
  const by = {
    origin: service.origin ?? `services.${service.name}`,
    comment: `service ${service.name} on ${host.name}`,
  };
  if (service.fqdn === zone) return addressRecords(host, zone, service.proxied, by);
  return [{ name: service.fqdn, type: "CNAME", content: host.fqdn, proxied: service.proxied, ...by }];
}

function apexRecords<T>(contents: ZoneContents<T>): Draft<T>[] {
  const { zone, caa, extra = [] } = contents;
  const issuers = caa?.issuers ?? [];
  const report = issuers.length > 0 ? caa?.report : undefined;
  const certificates = [
    ...issuers.map((value) => ({ tag: "issue", value })),
    ...(report === undefined ? [] : [{ tag: "iodef", value: `mailto:${report}` }]),
  ].map(({ tag, value }) => ({
    key: `${zone}-caa-${tag}-${value}`,
    name: zone,
    type: "CAA",
    content: `0 ${tag} "${value}"`,
    comment: "who may issue certificates",
    origin: "dns.caa",
  }));
  const written = extra.map(({ name, priority, ttl, proxied, ...rest }, i) => ({
    ...rest,
    origin: `${BY_HAND}[${i}]`,
    name: nameInZone(zone, name),
    comment: "from the inventory",
    ...(priority !== undefined && { priority }),
    ...(ttl !== undefined && { ttl }),
    ...(proxied !== undefined && { proxied }),
  }));
  return [...certificates, ...written];
}

/** The inventory's list of records, which may contain several of a name and type. */
const BY_HAND = "dns.records";

/** The key of a record that is the only one of its name and type; the same for A and CNAME. */
function plainKey<T>({ name, type }: Draft<T>): string {
  return type === "A" || type === "CNAME" ? name : `${name}-${type.toLowerCase()}`;
}

/** @param contested whether a different record has the same plain key: then the content decides. */
function keyOf<T>(draft: Draft<T>, contested: boolean): string {
  const { key, name, type, content, origin } = draft;
  if (key !== undefined) return key;
  const byHand = origin.startsWith(BY_HAND);
  if (!byHand || !contested) return plainKey(draft);
  return `${name}-${type.toLowerCase()}-${sha256(String(content)).slice(0, 10)}`;
}

/**
 * An alias must be alone at its name (RFC 1034, section 3.6.2), except at the apex, where the vendor
 * flattens it. The inventory's checks find most conflicts earlier, but do not see addresses from the
 * stack's configuration.
 */
function checkAliases<T>(drafts: readonly Draft<T>[], zone: string): void {
  for (const alias of drafts.filter(({ type }) => type === "CNAME")) {
    const other = drafts.find(
      (draft) =>
        draft !== alias && draft.name === alias.name && excludes(zone, alias.name, alias.type, draft.type),
    );
    if (other) {
      throw new Error(
        `DNS name ${alias.name} is claimed by "${alias.comment}" (CNAME) and by "${other.comment}" (${other.type}); ` +
          "give one of them another name (a service: subdomain)",
      );
    }
  }
}

/**
 * The records of one stack.
 * @throws Error when two of them conflict, or a public name points to a host without a public address.
 */
export function recordsFor<T>(contents: ZoneContents<T>): ZoneRecord<T>[] {
  const drafts: Draft<T>[] = [
    ...contents.hosts.flatMap(hostRecords),
    ...contents.services.flatMap((service) => serviceRecords(service, contents.hosts, contents.zone)),
    ...apexRecords(contents),
  ];
  const normal = drafts.map((draft) => ({
    ...draft,
    name: nameInZone(contents.zone, draft.name),
    ...(typeof draft.content === "string" && { content: canonicalContent(draft.type, draft.content) }),
  }));
  checkAliases(normal, contents.zone);
  const plain = normal.map(plainKey);
  return normal.map((draft, i) => {
    const proxied = draft.proxied ?? false;
    return {
      ...draft,
      key: keyOf(
        draft,
        plain.some((other, j) => j !== i && other === plain[i]),
      ),
      proxied,
      ttl: proxied ? 1 : (draft.ttl ?? contents.ttl),
    };
  });
}
