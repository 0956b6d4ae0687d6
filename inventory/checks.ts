import { entryOf } from "../lib/entry-of.ts";
import { listNames, unknownName } from "../lib/names.ts";
import { isLocal } from "./addresses.ts";
import { buildProblems } from "./builders.ts";
import { CAPABILITY_NAMES, grants, isKnownCapability, verbsOf } from "./capabilities.ts";
import { diskProblems } from "./disks.ts";
import { type NameClaim, zoneProblems } from "./dns.ts";
import { checkNames } from "./health.ts";
import { machineProblems } from "./machine-checks.ts";
import { fqdnOf, inService } from "./plan.ts";
import { policyProblems } from "./policy-checks.ts";
import { collisions, type Problem } from "./problems.ts";

import { promotionProblems } from "./promotion-checks.ts";

import { isCreated } from "./providers.ts";
import type { Inventory } from "./schema.ts";
import { sshProblems } from "./ssh.ts";
import { subnetProblems } from "./subnets.ts";
import { vaultProblems } from "./vaults.ts";

function serviceProblems(inventory: Inventory): Problem[] {
  const services = Object.entries(inventory.services);
  const problems: Problem[] = [];
  for (const [name, service] of services) {
    if (!Object.hasOwn(inventory.hosts, service.host)) {
      problems.push({
        key: `services.${name}.host`,
        message: unknownName("host", service.host, Object.keys(inventory.hosts)),
      });
    }
    if (service.public && service.auth === "none" && service.authReason === undefined) {
      problems.push({
        key: `services.${name}.auth_reason`,
        message: 'a public service with auth = "none" needs a reason: set auth_reason',
      });
    }
    if (service.proxied === true && !service.public) {
      problems.push({
        key: `services.${name}.proxied`,
        message: "only a public service can be proxied: set public = true",
      });
    }
    for (const group of service.groups) {
      if (!Object.hasOwn(inventory.tailnet?.groups ?? {}, group)) {
        problems.push({
          key: `services.${name}.groups`,
          message: unknownName("group", group, Object.keys(inventory.tailnet?.groups ?? {})),
        });
      }
    }
  }
  for (const [[a], [b, service]] of collisions(services, ([, s]) => `${s.host}:${s.port}`)) {
    problems.push({
      key: `services.${b}.port`,
      message: `port ${service.port} on host "${service.host}" is taken by services.${a}: choose another port`,
    });
  }
  return problems;
}

/** Whether a host has DNS records. An image has none, and neither has a machine without a public address. */
function hasRecords({ provider }: Inventory["hosts"][string]): boolean {
  if (provider.kind !== "existing") return isCreated({ provider });
  return [provider.address, provider.ipv6].some((address) => address !== undefined && !isLocal(address));
}

/** Names in the zone that come from the inventory: hosts, their aliases, public services, the cache. */
function nameClaims(inventory: Inventory): NameClaim[] {
  const claim = (host: string, key: string, name: string, type: NameClaim["type"]): NameClaim[] => {
    const owner = entryOf(inventory.hosts, host);
    if (owner === undefined) return [];
    return [{ key, name: fqdnOf(inventory, owner.environment, name), type, published: hasRecords(owner) }];
  };
  const { hosts, services, cache } = inventory;
  return [
    ...Object.entries(hosts).flatMap(([name, host]) => [
      ...claim(name, `hosts.${name}`, name, "address"),
      ...host.aliases.flatMap((alias, i) => claim(name, `hosts.${name}.aliases[${i}]`, alias, "CNAME")),
    ]),
    ...Object.entries(services)
      .filter(([, service]) => service.public)
      .flatMap(([name, { host, subdomain }]) =>
        claim(host, `services.${name}.subdomain`, subdomain ?? name, "CNAME"),
      ),
    ...(cache.host === undefined ? [] : claim(cache.host, "cache.name", cache.name, "CNAME")),
  ];
}

/** Names that two tables have, and records that can't be in one zone together. */
function nameProblems(inventory: Inventory): Problem[] {
  const claims = nameClaims(inventory);
  const suffix = `.${inventory.dns?.zone ?? inventory.fleet.domain}`;
  const taken = collisions(claims, (claim) => claim.name).map(([owner, claim, name]) => ({
    key: claim.key,
    message: `the name "${name.slice(0, -suffix.length)}" is taken by ${owner.key}: choose another name`,
  }));
  return [...taken, ...(inventory.dns === undefined ? [] : zoneProblems(inventory.dns, claims))];
}

function environmentProblems({ environments }: Inventory, table: string, name: string): Problem[] {
  if (Object.hasOwn(environments, name)) return [];
  const unknown = unknownName("environment", name, Object.keys(environments));
  return [
    {
      key: `${table}.environment`,
      message: `${unknown}; to add one, write the table [environments.${name}]`,
    },
  ];
}

function hostProblems(inventory: Inventory): Problem[] {
  const hosts = Object.entries(inventory.hosts);
  const problems: Problem[] = [];
  for (const [name, host] of hosts) {
    problems.push(...environmentProblems(inventory, `hosts.${name}`, host.environment));
    for (const [, check] of collisions(host.health, (c) => c.name)) {
      problems.push({
        key: `hosts.${name}.health`,
        message: `two health checks have the name "${check.name}": rename one`,
      });
    }
  }
  for (const [name] of hosts) {
    const own = Object.entries(inventory.services)
      .filter(([, service]) => service.host === name)
      .flatMap(([service, { health }]) => checkNames(service, health).map((check) => ({ service, check })));
    for (const [a, b, check] of collisions(own, (each) => each.check)) {
      problems.push({
        key: `services.${b.service}.health`,
        message: `another health check of host "${name}", of services.${a.service}, is also named "${check}": give this one a name`,
      });
    }
  }
  for (const [name, { gateway }] of Object.entries(inventory.environments)) {
    if (gateway !== undefined && entryOf(inService(inventory).hosts, gateway)?.environment !== name) {
      const own = hosts.filter(([, host]) => host.environment === name).map(([host]) => host);
      problems.push({
        key: `environments.${name}.gateway`,
        message: `"${gateway}" is not a host of this environment; its hosts are ${listNames(own)}`,
      });
    }
  }
  return problems;
}

/** Renamed and decommissioned hosts. */
function lifeCycleProblems(inventory: Inventory): Problem[] {
  const hosts = Object.entries(inventory.hosts);
  const problems: Problem[] = [];
  for (const [name, { formerly, decommission, provider }] of hosts) {
    if (formerly !== undefined && Object.hasOwn(inventory.hosts, formerly)) {
      problems.push({
        key: `hosts.${name}.formerly`,
        message: `"${formerly}" is still a host of this inventory: remove \`formerly\`, or rename hosts.${formerly}`,
      });
    }
    if (decommission === undefined) continue;
    if (provider.kind === "image" || (provider.kind === "existing" && decommission === "delete")) {
      problems.push({
        key: `hosts.${name}.decommission`,
        message:
          provider.kind === "image"
            ? "an image is not deployed: remove the table"
            : 'the program never deletes a machine that it did not create: use "keep", or remove the table',
      });
    }
    if (inventory.cache.host === name) {
      problems.push({ key: "cache.host", message: `"${name}" is decommissioned: set another host` });
    }
  }
  for (const [[a], [b], name] of collisions(hosts, ([, host]) => host.formerly)) {
    problems.push({
      key: `hosts.${b}.formerly`,
      message: `"${name}" is also the former name of hosts.${a}: remove one of the two`,
    });
  }
  return problems;
}

/** Purposes of buckets whose data is never public. */
const PRIVATE_PURPOSES = ["postgres", "backups", "state"];

function referenceProblems(inventory: Inventory): Problem[] {
  const problems: Problem[] = [];
  const hosts = Object.keys(inventory.hosts);
  if (inventory.cache.host !== undefined && !Object.hasOwn(inventory.hosts, inventory.cache.host)) {
    problems.push({
      key: "cache.host",
      message: unknownName("host", inventory.cache.host, hosts),
    });
  }
  for (const [name, secret] of Object.entries(inventory.secrets)) {
    for (const host of secret.hosts === "all" ? [] : secret.hosts) {
      if (!Object.hasOwn(inventory.hosts, host)) {
        problems.push({
          key: `secrets.${name}.hosts`,
          message: unknownName("host", host, hosts),
        });
      }
    }
  }
  const buckets = Object.entries(inventory.buckets);
  if (buckets.length > 0 && inventory.storage === undefined) {
    problems.push({ key: "storage.region", message: "buckets need a region: add [storage] region" });
  }
  for (const [key, bucket] of buckets) {
    problems.push(...environmentProblems(inventory, `buckets.${key}`, bucket.environment));
    if (bucket.publicRead && PRIVATE_PURPOSES.includes(bucket.purpose)) {
      problems.push({
        key: `buckets.${key}.public_read`,
        message: `a bucket for ${bucket.purpose} holds private data: remove public_read, or give public data a bucket with a different purpose`,
      });
    }
  }
  for (const [[a], [b, bucket]] of collisions(buckets, ([, bucket]) => bucket.name)) {
    problems.push({
      key: `buckets.${b}.name`,
      message: `"${bucket.name}" is also the name of buckets.${a}: rename one`,
    });
  }
  if (inventory.tailnet && !Object.hasOwn(inventory.tailnet.groups, inventory.tailnet.admins)) {
    problems.push({
      key: "tailnet.admins",
      message: unknownName("group", inventory.tailnet.admins, Object.keys(inventory.tailnet.groups)),
    });
  }
  return problems;
}

function roleProblems({ roles }: Inventory): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  for (const [name, role] of Object.entries(roles)) {
    const key = (field: string) => `roles.${name}.${field}`;
    for (const entry of role.capabilities.filter((each) => !isKnownCapability(each))) {
      const message = unknownName("capability", entry, CAPABILITY_NAMES);
      problems.push({ key: key("capabilities"), message });
    }
    if (role.restartUnits.length > 0 && !grants(role.capabilities, "service.restart")) {
      const message = "has no effect without the capability service.restart: add it, or remove the units";
      problems.push({ key: key("restart_units"), message });
    }
    if (role.operatorKeys.length > 0 && verbsOf(role.capabilities).length === 0) {
      const message = "has no effect: no capability of the role has a verb on hosts";
      problems.push({ key: key("operator_keys"), message });
    }
    for (const line of role.operatorKeys) {
      const blob = line.split(" ")[1] ?? "";
      const owner = owners.get(blob);
      // sshd uses the first line of a key, so the second role would not count.
      if (owner !== undefined) {
        const message = `the key is in roles.${owner}.operator_keys too: make one key for each role`;
        problems.push({ key: key("operator_keys"), message });
      }
      owners.set(blob, name);
    }
  }
  return problems;
}

function peopleProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.users).flatMap(([name, user]) => {
    const problems: Problem[] = [];
    if (!Object.hasOwn(inventory.roles, user.role)) {
      problems.push({
        key: `users.${name}.role`,
        message: unknownName("role", user.role, Object.keys(inventory.roles)),
      });
    }
    const secret = user.passwordSecret;
    if (secret !== undefined && !Object.hasOwn(inventory.secrets, secret)) {
      problems.push({
        key: `users.${name}.password_secret`,
        message: unknownName("secret", secret, Object.keys(inventory.secrets)),
      });
    }
    for (const host of user.hosts === "all" ? [] : user.hosts) {
      if (!Object.hasOwn(inventory.hosts, host)) {
        problems.push({
          key: `users.${name}.hosts`,
          message: unknownName("host", host, Object.keys(inventory.hosts)),
        });
      }
    }
    return problems;
  });
}

function routerProblems(inventory: Inventory): Problem[] {
  return Object.entries(inventory.hosts)
    .filter(([, host]) => host.profiles.includes("router") !== (host.router !== undefined))
    .map(([name]) => ({
      key: `hosts.${name}.router`,
      message: "the profile router needs the table [hosts.NAME.router], and the table needs the profile",
    }));
}

/** Problems between the tables of an inventory. Each table by itself is valid. */
export function crossProblems(inventory: Inventory): Problem[] {
  return [
    ...hostProblems(inventory),
    ...machineProblems(inventory),
    ...sshProblems(inventory),
    ...buildProblems(inventory),
    ...roleProblems(inventory),
    ...peopleProblems(inventory),
    ...promotionProblems(inventory),
    ...routerProblems(inventory),
    ...serviceProblems(inventory),
    ...nameProblems(inService(inventory)),
    ...lifeCycleProblems(inventory),
    ...referenceProblems(inventory),
    ...vaultProblems(inventory),
    ...subnetProblems(inventory),
    ...diskProblems(inventory),
    ...policyProblems(inventory),
  ];
}
