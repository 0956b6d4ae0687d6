/** A machine with a name in the zone. `T` is how an address is known: text in tests, a Pulumi input in the program. */
export interface ZoneHost<T> {
  /** Name in the inventory. */
  readonly name: string;
  readonly fqdn: string;
  readonly ipv4?: T | undefined;
  readonly ipv6?: T | undefined;
  /** Public host key, for SSHFP; absent: none is published. */
  readonly hostKey?: T | undefined;
  /** Full names that lead to the host as well. */
  readonly aliases?: readonly string[];
}

/** A public name that leads to a host. */
export interface ZoneService {
  readonly name: string;
  readonly fqdn: string;
  /** Name of the host, one of `hosts`. */
  readonly host: string;
  /** Through Cloudflare's proxies. False for what they can't carry, such as the cache: they cap request bodies (100 MB on free plans). */
  readonly proxied: boolean;
}

/** A record written out by hand. */
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

/** Everything that one stack puts into the zone. */
export interface ZoneContents<T> {
  readonly zone: string;
  /** Seconds, for records that are not proxied (60 to 86400). */
  readonly ttl: number;
  readonly hosts: readonly ZoneHost<T>[];
  readonly services: readonly ZoneService[];
  /** Authorities that may issue certificates for the zone, and who hears of refusals. Only for the stack that owns the apex. */
  readonly caa?: { readonly issuers: readonly string[]; readonly report?: string | undefined } | undefined;
  /** Only for the stack that owns the apex. */
  readonly extra?: readonly ZoneExtra[] | undefined;
}

/** One record, before its zone is known. Exactly one of `content`, `caa`, `hostKey` is set. */
export interface ZoneRecord<T> {
  /** Unique in the zone; names the Pulumi resource. The same for A and CNAME of a name, so that one becomes the other in place. */
  readonly key: string;
  /** Full name, lower case, no trailing dot: other spellings differ from what the API returns. */
  readonly name: string;
  readonly type: string;
  /** Seconds; 1 (automatic) for proxied records, which allow nothing else. */
  readonly ttl: number;
  readonly proxied: boolean;
  readonly content?: T | string;
  readonly priority?: number;
  readonly caa?: { readonly tag: "issue" | "iodef"; readonly value: string };
  /** Host key whose fingerprint the record publishes. */
  readonly hostKey?: T;
  readonly comment: string;
}

type Draft<T> = Omit<ZoneRecord<T>, "key" | "ttl" | "proxied"> & { proxied?: boolean; ttl?: number };

/** Full name inside `zone` from a full name, from labels inside the zone, or from `@`. */
export function nameInZone(zone: string, name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, "");
  if (lower === "@" || lower === zone) return zone;
  return lower.endsWith(`.${zone}`) ? lower : `${lower}.${zone}`;
}

function addressRecords<T>(host: ZoneHost<T>, name: string, proxied: boolean, comment: string): Draft<T>[] {
  return [
    ...(host.ipv4 === undefined ? [] : [{ name, type: "A", content: host.ipv4, proxied, comment }]),
    ...(host.ipv6 === undefined ? [] : [{ name, type: "AAAA", content: host.ipv6, proxied, comment }]),
  ];
}

function hostRecords<T>(host: ZoneHost<T>): Draft<T>[] {
  const addresses = addressRecords(host, host.fqdn, false, `host ${host.name}`);
  if (addresses.length === 0) return [];
  const aliases = (host.aliases ?? []).map((name) => ({
    name,
    type: "CNAME",
    content: host.fqdn,
    comment: `alias of host ${host.name}`,
  }));
  const { hostKey } = host;
  const fingerprint =
    hostKey === undefined
      ? []
      : [{ name: host.fqdn, type: "SSHFP", hostKey, comment: `SSH key of host ${host.name}` }];
  return [...addresses, ...aliases, ...fingerprint];
}

/** A service is an alias of its host; at the apex, where DNS allows no alias, it gets the host's addresses. */
function serviceRecords<T>(service: ZoneService, hosts: readonly ZoneHost<T>[], zone: string): Draft<T>[] {
  const host = hosts.find(({ name }) => name === service.host);
  if (host === undefined || (host.ipv4 === undefined && host.ipv6 === undefined)) {
    throw new Error(
      `services.${service.name}: ${service.fqdn} can't lead to host "${service.host}", which has no public address; ` +
        "set public = false, or move the service to a host with one",
    );
  }
  const comment = `service ${service.name} on ${host.name}`;
  if (service.fqdn === zone) return addressRecords(host, zone, service.proxied, comment);
  return [{ name: service.fqdn, type: "CNAME", content: host.fqdn, proxied: service.proxied, comment }];
}

function apexRecords<T>(contents: ZoneContents<T>): Draft<T>[] {
  const { zone, caa, extra = [] } = contents;
  const issue = (caa?.issuers ?? []).map((value) => ({ tag: "issue" as const, value }));
  const report =
    caa?.report && issue.length > 0 ? [{ tag: "iodef" as const, value: `mailto:${caa.report}` }] : [];
  const certificates = [...issue, ...report].map((rule) => ({
    name: zone,
    type: "CAA",
    caa: rule,
    comment: "who may issue certificates",
  }));
  const written = extra.map(({ name, priority, ttl, proxied, ...rest }) => ({
    ...rest,
    name: nameInZone(zone, name),
    comment: "from the inventory",
    ...(priority !== undefined && { priority }),
    ...(ttl !== undefined && { ttl }),
    ...(proxied !== undefined && { proxied }),
  }));
  return [...certificates, ...written];
}

function keyOf<T>(draft: Draft<T>): string {
  if (draft.caa) return `${draft.name}-caa-${draft.caa.tag}-${draft.caa.value}`;
  return draft.type === "A" || draft.type === "CNAME"
    ? draft.name
    : `${draft.name}-${draft.type.toLowerCase()}`;
}

/** An alias must be alone at its name (RFC 1034, section 3.6.2); the API refuses the second record. */
function checkAliases<T>(drafts: readonly Draft<T>[]): void {
  for (const alias of drafts.filter(({ type }) => type === "CNAME")) {
    const other = drafts.find((draft) => draft !== alias && draft.name === alias.name);
    if (other) {
      throw new Error(
        `DNS name ${alias.name} is wanted by "${alias.comment}" (CNAME) and by "${other.comment}" (${other.type}); ` +
          "give one of them another name (a service: subdomain)",
      );
    }
  }
}

/**
 * The records of one stack.
 * @throws Error when two of them can't stand side by side, or a public name leads to a host without a public address.
 */
export function recordsFor<T>(contents: ZoneContents<T>): ZoneRecord<T>[] {
  const drafts: Draft<T>[] = [
    ...contents.hosts.flatMap(hostRecords),
    ...contents.services.flatMap((service) => serviceRecords(service, contents.hosts, contents.zone)),
    ...apexRecords(contents),
  ];
  const lower = drafts.map((draft) => ({ ...draft, name: nameInZone(contents.zone, draft.name) }));
  checkAliases(lower);
  const seen = new Map<string, number>();
  return lower.map((draft) => {
    const key = keyOf(draft);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    const proxied = draft.proxied ?? false;
    return {
      ...draft,
      key: count === 1 ? key : `${key}-${count}`,
      proxied,
      ttl: proxied ? 1 : (draft.ttl ?? contents.ttl),
    };
  });
}
