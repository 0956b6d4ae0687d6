/** What is known of one host, for pages that show it whole. A pure function. */

import type { Probe } from "../deployer/probe.ts";
import type { PlannedHost } from "../inventory/plan.ts";
import type { Inventory } from "../inventory/schema.ts";
import { entryOf } from "../lib/entry-of.ts";
import type { HostOutputs, StackOutputs } from "../outputs/contract.ts";
import type { FleetStatus, HostStatus } from "./classify.ts";

/** How the committed system came to the host; an absent field is unknown. */
export interface Deployed {
  /** When the host committed it, by its own clock (RFC 3339). */
  readonly at: string;
  readonly by?: string;
  readonly commit?: string;
  /** Whether the checkout had uncommitted changes. */
  readonly dirty?: boolean;
  /** Store path that was committed before. */
  readonly previous?: string;
}

/** A host's status and facts; an absent field is unknown. Texts of the host are not sanitized. */
export interface HostDetail {
  readonly status: HostStatus;
  readonly environment: string;
  readonly reachability: PlannedHost["reachability"];
  readonly tags: readonly string[];
  readonly addresses: HostOutputs["addresses"];
  /** Why the last deploy is not confirmed. */
  readonly reason?: string;
  /** Step of the last deploy that failed. */
  readonly step?: string;
  /** What may correct the failure of the last deploy. */
  readonly hint?: string;
  /** What may help to reach the host, which did not answer. */
  readonly reachHint?: string;
  /** Whether a deploy may reboot the host (`reboot` in the inventory). */
  readonly reboot: PlannedHost["reboot"];
  /** Durations of the last deploy's steps. */
  readonly seconds?: Readonly<Record<string, number>>;
  /** Results of the last deploy's health checks. */
  readonly health: HostOutputs["health"];
  readonly deployed?: Deployed;
  /** Kernel of the running system; `bootedKernel` is the one that runs. */
  readonly kernel?: string;
  readonly bootedKernel?: string;
  /** Phase of the supervisor; `idle`: no activation is under way. */
  readonly phase?: string;
  readonly services: readonly { readonly name: string; readonly url: string; readonly public: boolean }[];
  /** DNS records that lead to it. */
  readonly names: readonly { readonly name: string; readonly type: string; readonly content: string }[];
}

/** The status of a stack's hosts, with the facts of each, at one moment. */
export interface FleetFacts {
  readonly status: FleetStatus;
  /** In the order of the status, the worst first. */
  readonly details: readonly HostDetail[];
  /** The limits of the inventory. */
  readonly budgets?: NonNullable<Inventory["budgets"]>;
  /** What the last run deployed from. */
  readonly revision?: StackOutputs["revision"];
}

/** Records whose content is one of the addresses, and aliases of their names. */
function namesOf(addresses: HostOutputs["addresses"], outputs: StackOutputs): HostDetail["names"] {
  const own = [addresses.ipv4, addresses.ipv6].filter((address) => address !== undefined);
  const direct = outputs.dns.records.filter(({ content }) => own.includes(content));
  const known = new Set(direct.map(({ name }) => name));
  const aliases = outputs.dns.records.filter(({ type, content }) => type === "CNAME" && known.has(content));
  return [...direct, ...aliases].map(({ name, type, content }) => ({ name, type, content }));
}

/** The host's own account wins; a host that was not reached has that of the last run. */
function deployedOf(published: HostOutputs | undefined, probe: Probe | undefined): Deployed | undefined {
  const found = (probe?.reached ? probe.status.deploy : undefined) ?? published?.provenance;
  if (found == null) return undefined;
  const { at, by, commit, dirty, previous } = found;
  return {
    at,
    ...(by != null && { by }),
    ...(commit != null && { commit }),
    ...(dirty != null && { dirty }),
    ...(previous != null && { previous }),
  };
}

export function hostDetail(
  host: PlannedHost,
  status: HostStatus,
  outputs: StackOutputs | undefined,
  probe: Probe | undefined,
): HostDetail {
  const published = outputs && entryOf(outputs.hosts, host.name);
  const answer = probe?.reached ? probe.status : undefined;
  const addresses = published?.addresses ?? {};
  const deployed = deployedOf(published, probe);
  return {
    status,
    environment: host.environment,
    reachability: host.reachability,
    tags: host.tags,
    reboot: host.reboot,
    addresses,
    health: published?.health ?? [],
    services: Object.entries(outputs?.services ?? {})
      .filter(([, service]) => service.host === host.name)
      .map(([name, service]) => ({ name, url: service.url, public: service.public })),
    names: outputs === undefined ? [] : namesOf(addresses, outputs),
    ...(published?.reason !== undefined && { reason: published.reason }),
    ...(published?.seconds !== undefined && { seconds: published.seconds }),
    ...(published?.step !== undefined && { step: published.step }),
    ...(published?.hint !== undefined && { hint: published.hint }),
    ...(probe?.reached === false && probe.hint !== undefined && { reachHint: probe.hint }),
    ...(deployed !== undefined && { deployed }),
    ...(answer?.kernel != null && { kernel: answer.kernel }),
    ...(answer?.bootedKernel != null && { bootedKernel: answer.bootedKernel }),
    ...(answer !== undefined && { phase: answer.phase }),
  };
}
