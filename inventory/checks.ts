import type { Inventory } from "./schema.ts";

/** What is wrong, at which key (TOML spelling). */
export interface Problem {
  readonly key: string;
  readonly message: string;
}

/** Pairs of entries that claim the same thing: every later one names the first. */
function collisions<T>(entries: readonly T[], claim: (entry: T) => string | undefined): [T, T, string][] {
  const first = new Map<string, T>();
  const found: [T, T, string][] = [];
  for (const entry of entries) {
    const claimed = claim(entry);
    if (claimed === undefined) continue;
    const owner = first.get(claimed);
    if (owner === undefined) first.set(claimed, entry);
    else found.push([owner, entry, claimed]);
  }
  return found;
}

const known = (names: Iterable<string>) => [...names].sort().join(", ") || "none";

function serviceProblems(inventory: Inventory): Problem[] {
  const services = Object.entries(inventory.services);
  const problems: Problem[] = [];
  for (const [name, service] of services) {
    if (!(service.host in inventory.hosts)) {
      problems.push({
        key: `services.${name}.host`,
        message: `unknown host "${service.host}"; hosts are ${known(Object.keys(inventory.hosts))}`,
      });
    }
    if (service.public && service.auth === "none" && service.authReason === undefined) {
      problems.push({
        key: `services.${name}.auth_reason`,
        message: 'a public service with auth = "none" says why: set auth_reason',
      });
    }
    if (service.proxied === true && !service.public) {
      problems.push({
        key: `services.${name}.proxied`,
        message: "only a public service can be proxied: set public = true",
      });
    }
    for (const group of service.groups) {
      if (!(group in (inventory.tailnet?.groups ?? {}))) {
        problems.push({
          key: `services.${name}.groups`,
          message: `unknown group "${group}"; groups are ${known(Object.keys(inventory.tailnet?.groups ?? {}))}`,
        });
      }
    }
  }
  for (const [[a], [b, service]] of collisions(services, ([, s]) => `${s.host}:${s.port}`)) {
    problems.push({
      key: `services.${b}.port`,
      message: `port ${service.port} on host "${service.host}" is taken by services.${a}`,
    });
  }
  return problems;
}

/** Names in the zone that the inventory gives out: host names, their aliases, public services, the cache. */
function nameProblems(inventory: Inventory): Problem[] {
  const environmentOf = (host: string) => inventory.hosts[host]?.environment ?? "";
  const prefix = (host: string) => {
    const environment = inventory.hosts[host]?.environment;
    return (environment && inventory.environments[environment]?.dnsPrefix) ?? "";
  };
  const claims = [
    ...Object.entries(inventory.hosts).flatMap(([name, host]) => [
      { key: `hosts.${name}`, name: `${name}.${prefix(name)}` },
      ...host.aliases.map((alias, i) => ({
        key: `hosts.${name}.aliases[${i}]`,
        name: `${alias}.${prefix(name)}`,
      })),
    ]),
    ...Object.entries(inventory.services)
      .filter(([, service]) => service.public && environmentOf(service.host) !== "")
      .map(([name, service]) => ({
        key: `services.${name}.subdomain`,
        name: `${service.subdomain ?? name}.${prefix(service.host)}`,
      })),
    ...(inventory.cache.host
      ? [{ key: "cache.name", name: `${inventory.cache.name}.${prefix(inventory.cache.host)}` }]
      : []),
  ];
  return collisions(claims, (claim) => claim.name).map(([owner, claim, name]) => ({
    key: claim.key,
    message: `the name "${name.replace(/\.$/, "")}" is taken by ${owner.key}`,
  }));
}

function hostProblems(inventory: Inventory): Problem[] {
  const hosts = Object.entries(inventory.hosts);
  const problems: Problem[] = [];
  for (const [name, host] of hosts) {
    if (inventory.environments[host.environment] === undefined) {
      problems.push({
        key: `hosts.${name}.environment`,
        message: `no table [environments.${host.environment}]; there are ${known(Object.keys(inventory.environments))}`,
      });
    }
    for (const [, check] of collisions(host.health, (c) => c.name)) {
      problems.push({ key: `hosts.${name}.health`, message: `two health checks are called "${check.name}"` });
    }
  }
  const address = (host: Inventory["hosts"][string]) =>
    host.provider.kind === "existing" && host.provider.address
      ? `${host.provider.address}:${host.provider.sshPort}`
      : undefined;
  for (const [[a], [b], taken] of collisions(hosts, ([, host]) => address(host))) {
    problems.push({
      key: `hosts.${b}.provider.address`,
      message: `${taken} is also the address of hosts.${a}`,
    });
  }
  return problems;
}

function referenceProblems(inventory: Inventory): Problem[] {
  const problems: Problem[] = [];
  const hosts = known(Object.keys(inventory.hosts));
  if (inventory.cache.host !== undefined && !(inventory.cache.host in inventory.hosts)) {
    problems.push({
      key: "cache.host",
      message: `unknown host "${inventory.cache.host}"; hosts are ${hosts}`,
    });
  }
  for (const [name, secret] of Object.entries(inventory.secrets)) {
    for (const host of secret.hosts === "all" ? [] : secret.hosts) {
      if (!(host in inventory.hosts)) {
        problems.push({
          key: `secrets.${name}.hosts`,
          message: `unknown host "${host}"; hosts are ${hosts}`,
        });
      }
    }
  }
  const buckets = Object.entries(inventory.buckets);
  if (buckets.length > 0 && inventory.storage === undefined) {
    problems.push({ key: "storage.region", message: "buckets need a region: add [storage] region" });
  }
  for (const [[a], [b, bucket]] of collisions(buckets, ([, bucket]) => bucket.name)) {
    problems.push({ key: `buckets.${b}.name`, message: `"${bucket.name}" is also the name of buckets.${a}` });
  }
  if (inventory.tailnet && !(inventory.tailnet.admins in inventory.tailnet.groups)) {
    problems.push({
      key: "tailnet.admins",
      message: `unknown group "${inventory.tailnet.admins}"; groups are ${known(Object.keys(inventory.tailnet.groups))}`,
    });
  }
  return problems;
}

/** Everything that is wrong between tables of an inventory whose tables are each well-formed. */
export function crossProblems(inventory: Inventory): Problem[] {
  return [
    ...hostProblems(inventory),
    ...serviceProblems(inventory),
    ...nameProblems(inventory),
    ...referenceProblems(inventory),
  ];
}
