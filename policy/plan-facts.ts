/** Plan -> facts. */
import { nameInZone } from "../inventory/dns.ts";
import { type KnownHosts, pinnedHostKey } from "../inventory/known-hosts.ts";
import { canonicalAddress } from "../inventory/machine-checks.ts";
import type { Plan } from "../inventory/plan.ts";
import type { Inventory } from "../inventory/schema.ts";
import { addressPortOf, isReachedPublicly, jumpsTo, sshSourcesOf } from "../inventory/ssh.ts";
import { hostVault } from "../inventory/vaults.ts";
import { entryOf } from "../lib/entry-of.ts";
import type {
  AuthFact,
  BucketFact,
  Facts,
  GrantFact,
  HostKeyFact,
  Keepsake,
  LabelFact,
  NameFact,
  SharedSecretFact,
  SshSource,
  VaultFact,
} from "./facts.ts";

/** What a plan's facts need beside it. */
export interface PlanContext {
  readonly pins: KnownHosts;
  /** Addresses of adopted hosts that differ from the inventory (`pantheros:addresses`). */
  readonly addresses: Readonly<Record<string, string>>;
  readonly monthlyEur?: number | undefined;
}

type PlannedHost = Plan["hosts"][number];

const isAdopted = ({ provider }: PlannedHost): boolean => provider.kind === "existing";

/** Purpose whose data can be made again. */
const RECREATED = "cache";

/** Key of the inventory that lists a network which may reach the host's sshd. */
export const sshSourceKey = ({ deploy }: Inventory, host: string, network: string): string =>
  deploy.sources.includes(network) ? "deploy.sources" : `hosts.${host}.ssh.sources`;

/**
 * The vendor's firewall closes sshd of a created host that deploys reach over the tailnet. An adopted
 * machine has the host's own firewall only, which admits the sources always, and a router's has none
 * of them (nix/lib/firewall.nix).
 */
function sshSources({ hosts, inventory }: Plan): SshSource[] {
  return hosts
    .filter((host) => (isAdopted(host) ? host.router === undefined : isReachedPublicly(inventory, host)))
    .flatMap((host) =>
      sshSourcesOf(inventory, host).map((network) => ({
        key: sshSourceKey(inventory, host.name, network),
        host: host.name,
        network,
      })),
    );
}

function keepsakes({ hosts, retired, buckets, settings, environment }: Plan): Keepsake[] {
  const kept = retired.filter(({ decommission }) => decommission === "keep");
  return [
    ...[...hosts.filter((host) => !isAdopted(host)), ...kept].map(({ name }) => `server ${name}`),
    ...buckets.filter(({ purpose }) => purpose !== RECREATED).map(({ name }) => `bucket ${name}`),
  ].map((what) => ({
    key: `environments.${environment}.protect`,
    what,
    environment,
    isProtected: settings.protect,
  }));
}

/** Every bucket of the program is encrypted (components/buckets/buckets.ts). */
const buckets = (plan: Plan): BucketFact[] =>
  plan.buckets.map(({ key, name, purpose, publicRead }) => ({
    key: `buckets.${key}`,
    name,
    purpose,
    isPublic: publicRead,
    isEncrypted: true,
  }));

function names({ services, inventory, settings }: Plan): NameFact[] {
  const { dns, cache } = inventory;
  if (dns === undefined) return [];
  const { zone } = dns;
  const cacheName = nameInZone(zone, [cache.name, settings.dnsPrefix].filter(Boolean).join("."));
  const records = settings.ownsSingletons ? dns.records : [];
  return [
    ...services
      .filter((service) => service.public)
      .map(({ name, fqdn, proxied, protocol }) => ({
        key: `services.${name}.proxied`,
        name: fqdn,
        isProxied: proxied ?? true,
        isHttp: protocol === "http",
      })),
    ...records.map(({ name, proxied }, at) => ({
      key: `dns.records[${at}].proxied`,
      name: nameInZone(zone, name),
      isProxied: proxied,
      isHttp: true,
    })),
  ].map((fact) => ({ ...fact, zone, isCache: fact.name === cacheName && cache.host !== undefined }));
}

function grants({ inventory, settings }: Plan): GrantFact[] {
  const { tailnet, services } = inventory;
  if (tailnet === undefined || !settings.ownsSingletons) return [];
  return Object.entries(tailnet.groups).map(([group, members]) => {
    const key = `tailnet.groups.${group}`;
    if (group === tailnet.admins) {
      return { key, sources: members, targets: ["*"], ports: ["*"], isAdministrators: true };
    }
    const reached = Object.values(services).filter((service) => service.groups.includes(group));
    return {
      key,
      sources: members,
      targets: reached.map(({ host }) => host),
      ports: reached.map(({ port }) => `tcp:${port}`),
      isAdministrators: false,
    };
  });
}

/** Labels with a value, by name. */
export const filled = (labels: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(labels).filter((name) => labels[name] !== "" && labels[name] !== undefined);

function labels({ hosts, inventory }: Plan): LabelFact[] {
  const needed = inventory.policy.requiredLabels;
  const tagged = inventory.tailnet === undefined ? [] : hosts;
  return [
    ...tagged.map(({ name, tags }) => ({
      key: `hosts.${name}.tags`,
      what: `host ${name}`,
      kind: "tags" as const,
      present: tags,
      needed: [],
    })),
    ...hosts
      .filter((host) => !isAdopted(host) && needed.length > 0)
      .map(({ name, provider }) => ({
        key: `hosts.${name}.provider.labels`,
        what: `server ${name}`,
        kind: "labels" as const,
        present: "labels" in provider ? filled(provider.labels ?? {}) : [],
        needed,
      })),
  ];
}

/** Secrets that several hosts receive from one reference, with the environments of all of them. */
function sharedSecrets({ inventory, environment }: Plan): SharedSecretFact[] {
  return Object.entries(inventory.secrets)
    .filter(([, { reference }]) => !reference.includes("{host}"))
    .map(([name, { hosts }]) => {
      const receivers = Object.entries(inventory.hosts).filter(
        ([host, { provider }]) => provider.kind !== "image" && (hosts === "all" || hosts.includes(host)),
      );
      const environments = receivers.map(([, host]) => host.environment);
      return { key: `secrets.${name}.hosts`, name, environments: [...new Set(environments)].sort() };
    })
    .filter(({ environments }) => environments.includes(environment));
}

export function vaults({ inventory, hosts }: Plan): VaultFact[] {
  return [
    { key: "fleet.vault", vault: inventory.fleet.vault, reader: "program" },
    ...hosts.flatMap(({ name, vault, environment }): VaultFact[] => {
      const read = hostVault(inventory, name);
      const key = vault === undefined ? `environments.${environment}.vault` : `hosts.${name}.vault`;
      return read === undefined ? [] : [{ key, vault: read, reader: "hosts" }];
    }),
  ];
}

/** The key of an adopted machine: pinned in the inventory, or by a line that names the machine. */
function adoptedKey({ inventory }: Plan, host: PlannedHost, { pins, addresses }: PlanContext): HostKeyFact[] {
  const { provider } = host;
  if (provider.kind !== "existing") return [];
  const tailnetName = inventory.tailnet && `${host.name}.${inventory.tailnet.suffix}`;
  const address = entryOf(addresses, host.name) ?? provider.address ?? tailnetName;
  const known = [host.name, host.formerly, address, provider.address, tailnetName]
    .filter((name) => name !== undefined)
    .flatMap((name) => [name, canonicalAddress(name)]);
  const pin = pinnedHostKey(pins, known, addressPortOf(inventory, host));
  const what = address === undefined ? host.name : `${host.name} at ${address} in ${pins.file}`;
  const isPinned = (provider.hostKey ?? pin.key) !== undefined;
  return [{ key: `hosts.${host.name}.provider.host_key`, what, isPinned, why: pin.problem }];
}

function jumpKeys({ inventory }: Plan, { name }: PlannedHost, { pins }: PlanContext): HostKeyFact[] {
  return jumpsTo(inventory, name).flatMap((jump) => {
    if (typeof jump === "string") return [];
    const pin = pinnedHostKey(pins, [jump.address], jump.port);
    return [
      {
        key: `hosts.${name}.ssh.jump.host_key`,
        what: `the jump host ${jump.address} in ${pins.file}`,
        isPinned: (jump.hostKey ?? pin.key) !== undefined,
        why: pin.problem,
      },
    ];
  });
}

export const auth = ({ services }: Pick<Plan, "services">): AuthFact[] =>
  services.map(({ name, auth: kind, authReason }) => ({
    key: `services.${name}.auth_reason`,
    name,
    auth: kind,
    reason: authReason,
  }));

export const planFacts = (plan: Plan, context: PlanContext): Facts => ({
  sshSources: sshSources(plan),
  keepsakes: keepsakes(plan),
  buckets: buckets(plan),
  names: names(plan),
  grants: grants(plan),
  labels: labels(plan),
  sharedSecrets: sharedSecrets(plan),
  vaults: vaults(plan),
  hostKeys: plan.hosts.flatMap((host) => [
    ...adoptedKey(plan, host, context),
    ...jumpKeys(plan, host, context),
  ]),
  auth: auth(plan),
  monthlyEur: context.monthlyEur,
});
