import { entryOf } from "../lib/entry-of.ts";
import { unknownName } from "../lib/names.ts";
import { RunError } from "../lib/run-error.ts";
import { type CreatedProvider, type ExistingProvider, isCreated } from "./providers.ts";
import type { Bucket, Environment, Host, Inventory, SecretSettings, Service } from "./schema.ts";

/** A host with its name and its full DNS name. */
export type PlannedHost = Host & { readonly name: string; readonly fqdn: string };
export type CreatedHost = PlannedHost & { readonly provider: CreatedProvider };
export type ExistingHost = PlannedHost & { readonly provider: ExistingProvider };

export const isExisting = (host: PlannedHost): host is ExistingHost => host.provider.kind === "existing";
export type PlannedService = Service & { readonly name: string; readonly fqdn: string };
export type PlannedBucket = Bucket & { readonly key: string };

/** A secret of one host. */
export interface PlannedSecret {
  readonly host: string;
  readonly name: string;
  readonly reference: string;
  /** The reference under the host's former name, read when there is nothing at `reference`. */
  readonly formerReference?: string;
}

/** What one stack owns: the inventory of one environment. */
export interface Plan {
  readonly environment: string;
  readonly settings: Environment;
  /** Hosts that deploys reach, created or adopted, sorted by name. */
  readonly hosts: readonly (CreatedHost | ExistingHost)[];
  /** Created servers of decommissioned hosts. */
  readonly retired: readonly CreatedHost[];
  readonly services: readonly PlannedService[];
  readonly buckets: readonly PlannedBucket[];
  readonly secrets: readonly PlannedSecret[];
  /** The whole inventory without decommissioned hosts and their services. */
  readonly inventory: Inventory;
}

/** Whether servers are deleted with the stack. `protect` wins, as in a sandbox that rehearses production. */
export const isDisposable = ({ settings }: Plan): boolean => settings.disposable && !settings.protect;

const byName = <T extends { name: string }>(a: T, b: T) => (a.name < b.name ? -1 : 1);

/** `grafana` in staging of `example.test` -> `grafana.staging.example.test`. */
export function fqdnOf(inventory: Inventory, environment: string, name: string): string {
  const zone = inventory.dns?.zone ?? inventory.fleet.domain;
  return [name, entryOf(inventory.environments, environment)?.dnsPrefix, zone].filter(Boolean).join(".");
}

function secretsFor(inventory: Inventory, hosts: readonly PlannedHost[]): Plan["secrets"] {
  const wanted = ([name, secret]: [string, SecretSettings]) =>
    hosts
      .filter((host) => secret.hosts === "all" || secret.hosts.includes(host.name))
      .map(({ name: host, formerly }): PlannedSecret => {
        const of = (called: string) => secret.reference.replaceAll("{host}", called);
        const former =
          formerly !== undefined && secret.reference.includes("{host}") ? of(formerly) : undefined;
        return { host, name, reference: of(host), ...(former && { formerReference: former }) };
      });
  return Object.entries(inventory.secrets).flatMap(wanted);
}

/** The inventory without decommissioned hosts and their services. */
export function inService(inventory: Inventory): Inventory {
  const hosts = Object.fromEntries(
    Object.entries(inventory.hosts).filter(([, host]) => host.decommission === undefined),
  );
  const retired = (host: string) => Object.hasOwn(inventory.hosts, host) && !Object.hasOwn(hosts, host);
  const services = Object.entries(inventory.services).filter(([, { host }]) => !retired(host));
  return { ...inventory, hosts, services: Object.fromEntries(services) };
}

/**
 * Selects what the stack of `environment` owns.
 * @throws RunError when the inventory has no such environment.
 */
export function planFor(whole: Inventory, environment: string): Plan {
  const inventory = inService(whole);
  const settings = entryOf(inventory.environments, environment);
  if (settings === undefined) {
    throw new RunError(
      `${unknownName("environment", environment, Object.keys(inventory.environments))}. ` +
        `Set pantheros:environment of the stack, or add the table [environments.${environment}] to the inventory`,
    );
  }
  const planned = ([name, host]: [string, Host]) => ({
    ...host,
    name,
    fqdn: fqdnOf(inventory, environment, name),
  });
  const own = Object.entries(whole.hosts)
    .filter(([, host]) => host.environment === environment)
    .map(planned)
    .filter((host): host is CreatedHost | ExistingHost => host.provider.kind !== "image")
    .sort(byName);
  const hosts = own.filter(({ decommission }) => decommission === undefined);
  const retired = own.filter(
    (host): host is CreatedHost => host.decommission !== undefined && isCreated(host),
  );
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
    retired,
    services,
    buckets,
    secrets: secretsFor(inventory, hosts),
    inventory,
  };
}
