import type { Plan, PlannedService } from "../inventory/plan.ts";
import { type HostOutputs, type StackOutputs, schemaVersion } from "./contract.ts";

/** As the host told it: what it does not know is null. */
type HostProvenance = {
  readonly [K in keyof Required<NonNullable<HostOutputs["provenance"]>>]?:
    | NonNullable<HostOutputs["provenance"]>[K]
    | null
    | undefined;
} & { readonly at: string; readonly closure: string };

/** What the run learned of one host. Fields it did not learn are absent. */
export interface HostFacts {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly hostKey?: string | undefined;
  /** Store path that it is held at on purpose. */
  readonly pinned?: string | undefined;
  /** The deploy's result; absent when there was none. */
  readonly result?:
    | {
        readonly outcome: NonNullable<HostOutputs["outcome"]>;
        readonly reason?: string | undefined;
        /** Store path that runs now. */
        readonly running?: string | undefined;
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

/** What the run learned, all of it plain: nothing of this may come from a secret. */
export interface StackFacts {
  /** Host name -> facts. */
  readonly hosts: Readonly<Record<string, HostFacts>>;
  readonly records: readonly { name: string; type: string; content: string; proxied: boolean }[];
  readonly buckets: Readonly<Record<string, { name: string; endpoint: string; region: string }>>;
  /** Servers of decommissioned hosts that still exist. */
  readonly retired?: StackOutputs["retired"];
}

/** Drops what is undefined: in the contract such a field is absent. */
function compact<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const withoutNulls = (told: HostProvenance) =>
  Object.fromEntries(
    Object.entries(told).filter(([, value]) => value !== null && value !== undefined),
  ) as HostOutputs["provenance"];

function hostOutputs(facts: HostFacts, tailnetName: string | undefined): HostOutputs {
  const { result } = facts;
  return compact({
    addresses: compact({ ipv4: facts.ipv4, ipv6: facts.ipv6, tailnet: tailnetName }),
    hostKey: facts.hostKey,
    closure: result?.running,
    generation: result?.generation,
    health: (result?.health ?? []).map(({ name, ok, detail }) =>
      compact({ name: name ?? "unnamed", ok, detail: detail ?? undefined }),
    ),
    outcome: result?.outcome,
    reason: result?.outcome === "confirmed" ? undefined : result?.reason,
    pinned: facts.pinned,
    provenance: result?.provenance && withoutNulls(result.provenance),
  }) as HostOutputs;
}

/** Public services go by their name and https; the others by their host's name in the tailnet, or the host's full name. */
function urlOf(service: PlannedService, hostName: string): string {
  if (service.public && service.protocol === "http") return `https://${service.fqdn}`;
  return `${service.protocol}://${service.public ? service.fqdn : hostName}:${service.port}`;
}

/** Plan and facts -> the outputs of the stack. */
export function outputsFor(plan: Plan, facts: StackFacts): StackOutputs {
  const { tailnet, dns, cache } = plan.inventory;
  const tailnetName = (host: string) => (tailnet ? `${host}.${tailnet.suffix}` : undefined);
  const fqdn = new Map(plan.hosts.map((host) => [host.name, host.fqdn]));
  return {
    schemaVersion,
    hosts: Object.fromEntries(
      plan.hosts.map(({ name }) => [name, hostOutputs(facts.hosts[name] ?? {}, tailnetName(name))]),
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
