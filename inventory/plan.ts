import type {
  Bucket,
  Environment,
  EnvironmentName,
  ExistingProvider,
  HetznerProvider,
  Host,
  Inventory,
  SecretSettings,
  Service,
} from "./schema.ts";

/** A host with its name and its full DNS name (undefined where the fleet has no zone). */
export type PlannedHost = Host & { readonly name: string; readonly fqdn: string };
export type HetznerHost = PlannedHost & { readonly provider: HetznerProvider };
export type ExistingHost = PlannedHost & { readonly provider: ExistingProvider };
export type PlannedService = Service & { readonly name: string; readonly fqdn: string };
export type PlannedBucket = Bucket & { readonly key: string };

/** What one stack owns: the inventory narrowed to an environment. */
export interface Plan {
  readonly environment: EnvironmentName;
  readonly settings: Environment;
  /** Hosts that are deployed to: created or adopted, in name order. */
  readonly hosts: readonly (HetznerHost | ExistingHost)[];
  readonly services: readonly PlannedService[];
  readonly buckets: readonly PlannedBucket[];
  /** Secret name -> reference, for each host. */
  readonly secrets: readonly { readonly host: string; readonly name: string; readonly reference: string }[];
  readonly inventory: Inventory;
}

const byName = <T extends { name: string }>(a: T, b: T) => (a.name < b.name ? -1 : 1);

/** `grafana` in staging of `example.test` -> `grafana.staging.example.test`. */
export function fqdnOf(inventory: Inventory, environment: EnvironmentName, name: string): string {
  const zone = inventory.dns?.zone ?? inventory.fleet.domain;
  return [name, inventory.environments[environment]?.dnsPrefix, zone].filter(Boolean).join(".");
}

function secretsFor(inventory: Inventory, hosts: readonly string[]): Plan["secrets"] {
  const wanted = ([name, secret]: [string, SecretSettings]) =>
    hosts
      .filter((host) => secret.hosts === "all" || secret.hosts.includes(host))
      .map((host) => ({ host, name, reference: secret.reference.replaceAll("{host}", host) }));
  return Object.entries(inventory.secrets).flatMap(wanted);
}

/**
 * Selects what the stack of `environment` owns.
 * @throws Error when the inventory has no such environment.
 */
export function planFor(inventory: Inventory, environment: EnvironmentName): Plan {
  const settings = inventory.environments[environment];
  if (settings === undefined) {
    throw new Error(
      `the inventory has no table [environments.${environment}]; add it or set pantheros:environment`,
    );
  }
  const hosts = Object.entries(inventory.hosts)
    .filter(([, host]) => host.environment === environment)
    .map(([name, host]) => ({ ...host, name, fqdn: fqdnOf(inventory, environment, name) }))
    .filter((host): host is HetznerHost | ExistingHost => host.provider.kind !== "image")
    .sort(byName);
  const names = hosts.map((host) => host.name);
  const services = Object.entries(inventory.services)
    .filter(([, service]) => names.includes(service.host))
    .map(([name, service]) => ({
      ...service,
      name,
      fqdn: fqdnOf(inventory, environment, service.subdomain ?? name),
    }))
    .sort(byName);
  const buckets = Object.entries(inventory.buckets)
    .filter(([, bucket]) => bucket.environment === environment)
    .map(([key, bucket]) => ({ ...bucket, key }));
  return {
    environment,
    settings,
    hosts,
    services,
    buckets,
    secrets: secretsFor(inventory, names),
    inventory,
  };
}
