/**
 * Describes a world in a form that two runs have in common: names replace ids, addresses and keys,
 * which differ in each run.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { State as CloudflareState } from "../../sandbox/vendors/cloudflare/state.ts";
import type { State as HetznerState } from "../../sandbox/vendors/hetzner/state.ts";
import type { VaultFile } from "../../sandbox/vendors/onepassword/vault-file.ts";
import type { Entry } from "../../sandbox/vendors/s3/journal.ts";
import type { State as TailscaleState } from "../../sandbox/vendors/tailscale/state.ts";
import { readRecords, recordsOf } from "./record/compute.ts";
import type { World } from "./world.ts";

export interface Observation {
  /** What must be the same as after an undisturbed run. */
  readonly same: Readonly<Record<string, unknown>>;
  /** Ids, addresses, keys and markers: an operation that keeps an object keeps these unchanged. */
  readonly identities: Readonly<Record<string, string>>;
}

const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const sorted = (lines: readonly string[]): string[] => [...lines].sort();

/** Objects by name; a second object of the same name gets a different key, so that a duplicate shows. */
function byName<T>(rows: readonly T[], nameOf: (row: T) => string): Record<string, T> {
  const found: Record<string, T> = {};
  for (const row of rows) {
    let name = nameOf(row);
    while (name in found) name += " (again)";
    found[name] = row;
  }
  return found;
}

/** SSHFP's fingerprint of a public key (RFC 4255, SHA-256 as in RFC 6594). */
const fingerprint = (key: string): string =>
  createHash("sha256")
    .update(Buffer.from(key.split(" ")[1] ?? "", "base64"))
    .digest("hex");

/** Reads every store of a vendor that a run may change. */
function read(world: World) {
  return {
    hetzner: json<HetznerState>(world.file("vendors/hetzner.json")),
    cloudflare: json<CloudflareState>(world.file("vendors/cloudflare.json")),
    tailscale: json<TailscaleState>(world.file("vendors/tailscale.json")),
    vault: json<VaultFile>(world.file("vault.json")),
    records: readRecords(recordsOf(world.directory)),
  };
}
type Read = ReturnType<typeof read>;

/** Values that differ from run to run, and their replacements. */
function symbols({ hetzner, records }: Read): [string, string][] {
  const addresses = Object.values(hetzner.primary_ips).map(({ ip, name }): [string, string] => [
    ip.replace(/\/64$/, ""),
    `<${name}>`,
  ]);
  const keys = Object.entries(records).flatMap(([name, { key = "" }]): [string, string][] => [
    [key, `<key of ${name}>`],
    [fingerprint(key), `<fingerprint of ${name}>`],
  ]);
  // The longest first: one address may be a prefix of another.
  return [...addresses, ...keys].filter(([value]) => value !== "").sort(([a], [b]) => b.length - a.length);
}

function hetznerObjects({ hetzner }: Read): Record<string, unknown> {
  const servers = byName(Object.values(hetzner.servers), ({ name }) => name);
  const nameOf = (id: number | null) => Object.entries(servers).find(([, row]) => row.id === id)?.[0] ?? null;
  const firewalls = byName(Object.values(hetzner.firewalls), ({ name }) => name);
  return {
    servers: Object.fromEntries(
      Object.entries(servers).map(([name, row]) => [
        name,
        {
          type: row.server_type,
          location: row.location,
          labels: row.labels,
          power: row.power,
          phase: row.phase,
          protection: row.protection,
          backups: row.backup_window !== null,
        },
      ]),
    ),
    addresses: Object.fromEntries(
      Object.entries(byName(Object.values(hetzner.primary_ips), ({ name }) => name)).map(([name, row]) => [
        name,
        {
          type: row.type,
          labels: row.labels,
          protection: row.protection,
          server: nameOf(row.assignee_id),
          reverse: row.dns_ptr,
        },
      ]),
    ),
    firewalls: Object.fromEntries(
      Object.entries(firewalls).map(([name, { rules, servers: ids, labels }]) => [
        name,
        { rules, labels, servers: sorted(ids.map((id) => nameOf(id) ?? `no server ${id}`)) },
      ]),
    ),
    sshKeys: sorted(Object.values(hetzner.ssh_keys).map(({ name, public_key: key }) => `${name} ${key}`)),
    groups: sorted(Object.values(hetzner.placement_groups).map(({ name }) => name)),
  };
}

function names({ cloudflare }: Read): string[] {
  return sorted(
    Object.values(cloudflare.zones).flatMap(({ records }) =>
      Object.values(records).map(
        ({ name, type, content, ttl, proxied, priority }) =>
          `${name} ${type} ${content} ${ttl}${proxied ? " proxied" : ""}${priority === undefined ? "" : ` ${priority}`}`,
      ),
    ),
  );
}

/** An auth key whose answer was lost expires within a day: it does not count beside its host's other key. */
function tailnet({ tailscale }: Read): Record<string, unknown> {
  const valid = Object.values(tailscale.keys).filter(({ revoked }) => revoked === null);
  const keys = valid.filter(
    (key, index) =>
      key.uses > 0 ||
      !valid.some((other, at) => other.description === key.description && (other.uses > 0 || at > index)),
  );
  return {
    policy: tailscale.acl,
    dns: tailscale.dns,
    keys: sorted(keys.map(({ description, uses }) => `${description}, used ${uses}`)),
    devices: sorted(
      Object.values(tailscale.devices).map(({ label, tags }) => `${label}: ${sorted(tags).join(" ")}`),
    ),
  };
}

/** The buckets that exist and their settings: the last request of each call. */
function buckets(world: World): Record<string, string> {
  const file = world.file("vendors/s3/journal.jsonl");
  const found: Record<string, string> = {};
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  for (const { method, target, hasBody, n } of lines.map((line) => JSON.parse(line) as Entry)) {
    const [path = "", query = ""] = target.split("?");
    const bucket = path.split("/")[1] ?? "";
    const call = `${path.replace(/\/$/, "")}?${query.replace(/=$/, "")}`;
    if (method === "DELETE") {
      for (const known of Object.keys(found))
        if (known === call || (query === "" && known.startsWith(`/${bucket}?`))) delete found[known];
    } else
      found[call] = hasBody ? readFileSync(join(world.file("vendors/s3/bodies"), String(n)), "utf8") : "";
  }
  return found;
}

/** Names of the resources, and those whose object does not exist at a vendor. */
function state(world: World, { hetzner, cloudflare, tailscale }: Read): Record<string, unknown> {
  const { resources = [], pending_operations: pending = [] } = world.deployment;
  const zoneRecords = Object.values(cloudflare.zones).flatMap(({ records }) => Object.keys(records));
  const known: Readonly<Record<string, readonly string[]>> = {
    "hcloud:index/server:Server": Object.keys(hetzner.servers),
    "hcloud:index/primaryIp:PrimaryIp": Object.keys(hetzner.primary_ips),
    "hcloud:index/firewall:Firewall": Object.keys(hetzner.firewalls),
    "hcloud:index/sshKey:SshKey": Object.keys(hetzner.ssh_keys),
    "cloudflare:index/dnsRecord:DnsRecord": zoneRecords,
    "tailscale:index/tailnetKey:TailnetKey": Object.keys(tailscale.keys),
  };
  const lost = resources.filter(
    ({ type, id = "" }) => known[type] !== undefined && !known[type].includes(id),
  );
  return {
    resources: sorted(resources.map(({ urn, delete: goes }) => `${urn}${goes ? " (to be deleted)" : ""}`)),
    atNoVendor: sorted(lost.map(({ urn }) => urn)),
    pending: pending.map(({ type, resource }) => `${type} ${resource.urn}`),
  };
}

function identities({ hetzner, records, tailscale }: Read): Record<string, string> {
  const rows = (kind: string, all: readonly { id: number | string; name: string }[]) =>
    all.map(({ id, name }): [string, string] => [`${kind} ${name}`, String(id)]);
  return Object.fromEntries([
    ...rows("server", Object.values(hetzner.servers)),
    ...rows("address", Object.values(hetzner.primary_ips)),
    ...Object.values(hetzner.primary_ips).map(({ name, ip }) => [`ip ${name}`, ip]),
    ...rows("firewall", Object.values(hetzner.firewalls)),
    ...Object.values(tailscale.devices).map(({ label, nodeId }) => [`device ${label}`, nodeId]),
    ...Object.entries(records).flatMap(([name, facts]) =>
      ["machine-id", "disk", "key"].map((fact) => [`${fact} of ${name}`, facts[fact] ?? ""]),
    ),
  ]);
}

/** Identities that are found on a machine; those that two runs must have in common. */
const machines = ({ records }: Read) =>
  Object.fromEntries(
    Object.entries(records).map(([name, { system = "", power = "" }]) => [name, { system, power }]),
  );

export function observe(world: World): Observation {
  const found = read(world);
  const vault = found.vault.vaults.flatMap(({ items }) => items.map(({ title }) => title));
  let text = JSON.stringify({
    ...hetznerObjects(found),
    names: names(found),
    tailnet: tailnet(found),
    buckets: buckets(world),
    vault: sorted(vault),
    machines: machines(found),
    state: state(world, found),
  });
  for (const [value, symbol] of symbols(found)) text = text.replaceAll(value, symbol);
  const same = JSON.parse(text) as Record<string, unknown>;
  // Sorted again, because they were sorted by address.
  return { same: { ...same, names: sorted(same["names"] as string[]) }, identities: identities(found) };
}

/** Lines for the differences, `expected` first; empty: equal. */
export function differences(expected: unknown, found: unknown, path = ""): string[] {
  if (JSON.stringify(expected) === JSON.stringify(found)) return [];
  if (Array.isArray(expected) && Array.isArray(found)) {
    const missing = expected.filter((each) => !found.some((other) => same(each, other)));
    const more = found.filter((each) => !expected.some((other) => same(each, other)));
    const lines = [
      ...missing.map((each) => `${path}: missing ${JSON.stringify(each)}`),
      ...more.map((each) => `${path}: too much ${JSON.stringify(each)}`),
    ];
    return lines.length > 0 ? lines : [`${path}: another order or number`];
  }
  if (isObject(expected) && isObject(found)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
    return keys.flatMap((key) =>
      differences(expected[key], found[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return [
    `${path}: ${JSON.stringify(expected) ?? "nothing"} expected, found ${JSON.stringify(found) ?? "nothing"}`,
  ];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Identities that the undisturbed run kept and this run lost. */
export function lostIdentities(before: Observation, undisturbed: Observation, found: Observation): string[] {
  const kept = new Set(Object.values(before.identities));
  return Object.entries(undisturbed.identities).flatMap(([what, value]) =>
    kept.has(value) && found.identities[what] !== value
      ? [`${what}: was ${value}, is ${found.identities[what] ?? "gone"}`]
      : [],
  );
}
