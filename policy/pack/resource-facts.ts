/** Resolved inputs of one resource -> facts. Those of machines are in the providers' folders (policy.ts). */
import { nameInZone } from "../../inventory/dns.ts";
import type { Plan } from "../../inventory/plan.ts";
import { type Facts, type GrantFact, NO_FACTS } from "../facts.ts";
import { auth, vaults } from "../plan-facts.ts";
import {
  elsewhere,
  list,
  type Resource,
  type ResourceKind,
  type Table,
  table,
  text,
  texts,
} from "./resource.ts";

/** The bucket of the inventory with a name at the vendor. */
const bucketNamed = ({ buckets }: Plan, name: unknown) => buckets.find((bucket) => bucket.name === name);

/** Canned ACLs that let others read. Source: AWS, "Canned ACL". */
const PUBLIC_ACLS = ["public-read", "public-read-write", "authenticated-read"];

function bucket(resource: Resource, plan: Plan): Partial<Facts> {
  const { bucket: name, acl } = resource.inputs;
  const own = bucketNamed(plan, name);
  return {
    buckets: [
      {
        key: own === undefined ? elsewhere(resource) : `buckets.${own.key}`,
        name: text(name) ?? resource.name,
        purpose: own?.purpose,
        isPublic: PUBLIC_ACLS.includes(String(acl)),
        // encryptionFacts has the encryption, which is a resource of its own.
        isEncrypted: true,
      },
    ],
    keepsakes:
      own?.purpose === "cache"
        ? []
        : [
            {
              key: own === undefined ? elsewhere(resource) : `environments.${plan.environment}.protect`,
              what: `bucket ${text(name) ?? resource.name}`,
              environment: plan.environment,
              isProtected: resource.isProtected,
            },
          ],
  };
}

/** Types of records that Cloudflare can proxy. */
const PROXIABLE = ["A", "AAAA", "CNAME"];

function dnsRecord(
  { inputs, ...resource }: Resource,
  { inventory, services, settings }: Plan,
): Partial<Facts> {
  const zone = inventory.dns?.zone ?? inventory.fleet.domain;
  const name = nameInZone(zone, text(inputs["name"]) ?? resource.name);
  const service = services.find((one) => one.public && one.fqdn === name);
  const written = inventory.dns?.records.findIndex((record) => nameInZone(zone, record.name) === name) ?? -1;
  const key =
    service !== undefined
      ? `services.${service.name}.proxied`
      : written >= 0
        ? `dns.records[${written}].proxied`
        : `resource ${resource.name}`;
  const cacheName = [inventory.cache.name, settings.dnsPrefix].filter(Boolean).join(".");
  return {
    names: [
      {
        key,
        name,
        zone,
        isProxied: inputs["proxied"] === true,
        isHttp:
          PROXIABLE.includes(String(inputs["type"])) &&
          (service === undefined || service.protocol === "http"),
        isCache: inventory.cache.host !== undefined && name === nameInZone(zone, cacheName),
      },
    ],
    ...(service !== undefined && { auth: auth({ services: [service] }) }),
  };
}

/** `tag:server:22` -> `tag:server`, `tcp:22`; a target of `acls`. */
function aclTarget(target: string): { readonly name: string; readonly port: string } {
  const at = target.lastIndexOf(":");
  return { name: target.slice(0, at), port: target.slice(at + 1) };
}

/**
 * Rights of a tailnet's policy: `grants`, the older `acls`, and `ssh`. A group stands for its members.
 * Source: tailscale.com/kb/1337, "Syntax reference for the tailnet policy file".
 */
function tailnetPolicy({ inputs, name }: Resource, { inventory }: Plan): Partial<Facts> {
  const policy = parsed(text(inputs["acl"]));
  const admins = `group:${inventory.tailnet?.admins ?? ""}`;
  const groups = table(policy["groups"]);
  const members = (source: string): string[] => (source in groups ? texts(groups[source]) : [source]);
  const right = (sources: string[], targets: string[], ports: string[]): GrantFact => {
    const isAdministrators = sources.length === 1 && sources[0] === admins;
    const [only = ""] = sources;
    const group = sources.length === 1 && only.startsWith("group:") ? only.slice("group:".length) : undefined;
    return {
      key:
        group !== undefined && Object.hasOwn(inventory.tailnet?.groups ?? {}, group)
          ? `tailnet.groups.${group}`
          : `resource ${name}`,
      sources: sources.flatMap(members),
      targets,
      ports,
      isAdministrators,
    };
  };
  const rules = (key: string) => list(policy[key]).map(table);
  return {
    grants: [
      ...rules("grants").map(({ src, dst, ip, app }) =>
        right(texts(src), texts(dst), ip === undefined && app !== undefined ? [] : texts(ip)),
      ),
      ...rules("acls").map(({ src, dst }) => {
        const targets = texts(dst).map(aclTarget);
        return right(
          texts(src),
          targets.map((target) => target.name),
          targets.map((target) => target.port),
        );
      }),
      ...rules("ssh").map(({ src, dst }) => right(texts(src), texts(dst), [])),
    ],
  };
}

/** The policy as JSON; one that can't be read grants everything, as far as can be said. */
function parsed(acl: string | undefined): Table {
  // Not known yet: the update sees it.
  if (acl === undefined) return {};
  try {
    return table(JSON.parse(acl));
  } catch {
    return { grants: [{ src: ["a policy that is not JSON"], dst: ["*"], ip: ["*"] }] };
  }
}

function tailnetKey({ inputs, name }: Resource, { hosts }: Plan): Partial<Facts> {
  const host = hosts.find((one) => name.endsWith(`-${one.name}`) || name === one.name);
  return {
    labels: [
      {
        key: host === undefined ? `resource ${name}` : `hosts.${host.name}.tags`,
        what: `tailnet key ${name}`,
        kind: "tags",
        present: texts(inputs["tags"]),
        needed: [],
      },
    ],
  };
}

/** The program writes to its own vault only, which no host reads. */
function vaultItem({ inputs }: Resource, plan: Plan): Partial<Facts> {
  const vault = text(inputs["vault"]);
  const item = vault === undefined ? [] : [{ key: "fleet.vault", vault, reader: "program" as const }];
  return { vaults: [...item, ...vaults(plan).filter(({ reader }) => reader === "hosts")] };
}

/** Options of ssh that accept any key. Source: ssh_config(5). */
const UNPINNED = /StrictHostKeyChecking[= ]+"?(no|off|accept-new)\b|UserKnownHostsFile[= ]+"?\/dev\/null/i;

function command(resource: Resource): Partial<Facts> {
  const { inputs, name } = resource;
  const isRemote = resource.type === "command:remote:Command";
  const shown = JSON.stringify([inputs["create"], inputs["update"], inputs["delete"], inputs["environment"]]);
  const isPinned = isRemote
    ? text(table(inputs["connection"])["hostKey"]) !== undefined
    : !UNPINNED.test(shown);
  return { hostKeys: [{ key: elsewhere(resource), what: `the command ${name}`, isPinned }] };
}

/** Kinds of resources of no provider. */
const KINDS: readonly ResourceKind[] = [
  ["aws:s3/bucket:", bucket],
  ["aws:s3/bucketV2:", bucket],
  ["cloudflare:index/dnsRecord:", dnsRecord],
  ["cloudflare:index/record:", dnsRecord],
  ["tailscale:index/acl:", tailnetPolicy],
  ["tailscale:index/tailnetKey:", tailnetKey],
  ["onepassword:index/item:", vaultItem],
  ["command:", command],
];

/**
 * Facts of one resource.
 * @param machines kinds of the providers' resources
 */
export function resourceFacts(resource: Resource, plan: Plan, machines: readonly ResourceKind[] = []): Facts {
  const kind = [...KINDS, ...machines].find(([start]) => resource.type.startsWith(start));
  return { ...NO_FACTS, ...kind?.[1](resource, plan) };
}

/** A resource of a whole stack, with the URNs that it depends on. */
export interface StackResource extends Resource {
  readonly urn: string;
  readonly dependsOn: readonly string[];
}

const ENCRYPTION = /^aws:s3\/bucketServerSideEncryptionConfiguration(V2)?:/;

/** Facts that need all resources of a stack: which buckets have an encryption. */
export function encryptionFacts(resources: readonly StackResource[], plan: Plan): Facts {
  const encrypted = new Set(
    resources.filter(({ type }) => ENCRYPTION.test(type)).flatMap(({ dependsOn }) => dependsOn),
  );
  const buckets = resources.flatMap((resource) => {
    const [fact] = resourceFacts(resource, plan).buckets;
    if (fact === undefined) return [];
    const inline = resource.inputs["serverSideEncryptionConfiguration"];
    const isEncrypted = encrypted.has(resource.urn) || Object.keys(table(inline)).length > 0;
    return [{ ...fact, isPublic: false, isEncrypted }];
  });
  return { ...NO_FACTS, buckets };
}
