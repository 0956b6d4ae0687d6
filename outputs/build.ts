import type { Plan, PlannedService } from "../inventory/plan.ts";
import { entryOf } from "../lib/entry-of.ts";
import { type HostOutputs, SCHEMA_VERSION, type StackOutputs } from "./contract.ts";

/** As the host reports it; null where it has no value. */
type HostProvenance = {
  readonly [K in keyof Required<NonNullable<HostOutputs["provenance"]>>]?:
    | NonNullable<HostOutputs["provenance"]>[K]
    | null
    | undefined;
} & { readonly at: string; readonly closure: string };

/** Facts about one host from this run. Unknown ones are absent. */
export interface HostFacts {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly hostKey?: string | undefined;
  /** Store path at which it is pinned. */
  readonly pinned?: string | undefined;
  /** Store path of the system that the run deploys; for a host that the run is not for, of its last deploy. */
  readonly wanted?: string | undefined;
  /** The deploy's result, if there is one. */
  readonly result?:
    | {
        readonly outcome: NonNullable<HostOutputs["outcome"]>;
        readonly reason?: string | undefined;
        readonly step?: string | undefined;
        readonly hint?: string | undefined;
        /** Store path that runs now. */
        readonly running?: string | undefined;
        readonly booted?: string | undefined;
        /** Step -> seconds. */
        readonly seconds?: Readonly<Record<string, number>> | undefined;
        readonly generation?: number | undefined;
        readonly health?:
          | readonly {
              readonly name: string | null;
              readonly ok: boolean;
              readonly detail?: string | null | undefined;
            }[]
          | undefined;
        readonly provenance?: HostProvenance | undefined;
      }
    | undefined;
}

/** Facts from this run. They are published, so none may come from a secret. */
export interface StackFacts {
  /** Host name -> facts. */
  readonly hosts: Readonly<Record<string, HostFacts>>;
  readonly records: readonly { name: string; type: string; content: string; proxied: boolean }[];
  readonly buckets: Readonly<Record<string, { name: string; endpoint: string; region: string }>>;
  /** Host -> its name in the tailnet; without those that have not joined, or are not known. */
  readonly tailnetNames?: Readonly<Record<string, string>>;
  /** Servers of decommissioned hosts that still exist. */
  readonly retired?: StackOutputs["retired"];
  readonly revision?: StackOutputs["revision"];
  readonly cost?: StackOutputs["cost"];
}

/** Drops undefined fields: the contract has no empty ones. */
function compact<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const withoutNulls = (provenance: HostProvenance) =>
  Object.fromEntries(
    Object.entries(provenance).filter(([, value]) => value !== null && value !== undefined),
  ) as HostOutputs["provenance"];

function hostOutputs(
  { wave, reachability }: Plan["hosts"][number],
  facts: HostFacts,
  tailnetName: string | undefined,
): HostOutputs {
  const { result } = facts;
  const failed = result?.outcome === "confirmed" ? undefined : result;
  return compact({
    addresses: compact({ ipv4: facts.ipv4, ipv6: facts.ipv6, tailnet: tailnetName }),
    hostKey: facts.hostKey,
    closure: result?.running,
    generation: result?.generation,
    wanted: facts.wanted,
    booted: result?.booted,
    wave,
    reachability,
    health: (result?.health ?? []).map(({ name, ok, detail }) =>
      compact({ name: name ?? "unnamed", ok, detail: detail ?? undefined }),
    ),
    outcome: result?.outcome,
    reason: failed?.reason,
    step: failed?.step,
    hint: failed?.hint,
    // A deploy that did not start has none.
    seconds: Object.keys(result?.seconds ?? {}).length > 0 ? result?.seconds : undefined,
    pinned: facts.pinned,
    provenance: result?.provenance && withoutNulls(result.provenance),
  }) as HostOutputs;
}

/** A public HTTP service has its own name; another service has its host's name in the tailnet, or the host's full name. */
function urlOf(service: PlannedService, hostName: string): string {
  if (service.public && service.protocol === "http") return `https://${service.fqdn}`;
  return `${service.protocol}://${service.public ? service.fqdn : hostName}:${service.port}`;
}

/** Plan and facts -> the outputs of the stack. */
export function outputsFor(plan: Plan, facts: StackFacts): StackOutputs {
  const { tailnet, dns, cache } = plan.inventory;
  const tailnetName = (host: string) =>
    tailnet && (entryOf(facts.tailnetNames ?? {}, host) ?? `${host}.${tailnet.suffix}`);
  const fqdn = new Map(plan.hosts.map((host) => [host.name, host.fqdn]));
  return {
    schemaVersion: SCHEMA_VERSION,
    environment: plan.environment,
    ...(facts.revision !== undefined && { revision: facts.revision }),
    ...(facts.cost !== undefined && { cost: facts.cost }),
    hosts: Object.fromEntries(
      plan.hosts.map((host) => {
        const known = entryOf(facts.hosts, host.name) ?? {};
        return [host.name, hostOutputs(host, known, tailnetName(host.name))];
      }),
    ),
    services: Object.fromEntries(
      plan.services.map((service) => [
        service.name,
        {
          url: urlOf(service, tailnetName(service.host) ?? fqdn.get(service.host) ?? service.host),
          host: service.host,
          public: service.public,
        },
      ]),
    ),
    dns: compact({
      zone: dns?.zone,
      records: facts.records.map(({ name, type, content, proxied }) => ({ name, type, content, proxied })),
    }) as StackOutputs["dns"],
    buckets: Object.fromEntries(
      Object.entries(facts.buckets).map(([key, { name, endpoint, region }]) => [
        key,
        { name, endpoint, region },
      ]),
    ),
    cache: compact({ url: cache.url, publicKey: cache.publicKey }) as StackOutputs["cache"],
    retired: facts.retired ?? {},
  };
}
