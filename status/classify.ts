/** Classifies a host by the last run's outputs and the host's answer. Pure functions. */

import type { Probe } from "../deployer/probe.ts";
import type { SupervisorStatus } from "../deployer/protocol/supervisor.ts";
import { sshTrouble } from "../deployer/ssh.ts";
import { lastLine, oneLine } from "../lib/sanitize.ts";
import type { HostOutputs } from "../outputs/contract.ts";

/** Worst first; `pantheros status` prints hosts in this order. */
export const STATES = [
  ["failed", "the last deploy failed, or the host's answer is not accepted"],
  ["rolled-back", "the last deploy was rolled back; the previous system runs"],
  ["unreachable", "a required host does not answer"],
  ["drifted", "it runs, or would boot, a different system than the last run left"],
  ["degraded", "systemd units of it have failed"],
  ["held", "the last run did not touch it, because of an earlier wave or because it was offline"],
  ["new", "the stack has never deployed it"],
  ["activating", "an activation is under way"],
  ["staged", "the wanted system boots next"],
  ["offline", "a best-effort host does not answer"],
  ["pinned", "converged at the system it is pinned to"],
  ["ok", "converged"],
] as const;
export type State = (typeof STATES)[number][0];

/** States in which a required host needs attention. */
const ATTENTION: readonly State[] = [
  "failed",
  "rolled-back",
  "unreachable",
  "drifted",
  "degraded",
  "held",
  "new",
];

/** The states that occur, worst first, with the number of hosts in each. */
export function stateCounts(
  hosts: readonly Pick<HostStatus, "state">[],
): readonly { readonly state: State; readonly count: number }[] {
  return STATES.map(([state]) => ({
    state,
    count: hosts.filter((host) => host.state === state).length,
  })).filter(({ count }) => count > 0);
}

/**
 * One host in the answer of `status --json`; an absent field is unknown. docs/operations.md
 * describes it.
 */
export interface HostStatus {
  readonly name: string;
  readonly wave: number;
  /** Whether the host must converge (`reachability = "always"`). */
  readonly required: boolean;
  readonly state: State;
  /** Why the state is not `ok`. */
  readonly detail?: string;
  /** Whether it answered; absent: it was not asked. */
  readonly reachable?: boolean;
  /** How the last deploy ended. */
  readonly outcome?: NonNullable<HostOutputs["outcome"]>;
  /** Store path of the system that runs: from the host, or, when it was not reached, from the last run. */
  readonly running?: string;
  /** Store path of the system that boots next. */
  readonly boots?: string;
  /** Whether the host has confirmed the running system. */
  readonly confirmed?: boolean;
  /** Store path that the last run wanted. */
  readonly wanted?: string;
  readonly generation?: number;
  /** Store path that it is pinned to. */
  readonly pinned?: string;
  readonly needsReboot?: boolean;
  readonly failedUnits?: readonly string[];
  /** Commit that its committed system was deployed from. */
  readonly commit?: string;
}

/** The answer of `status --json`. Within one version fields are only added. */
export interface FleetStatus {
  readonly schemaVersion: 1;
  readonly stack: string;
  readonly environment: string;
  /** When the hosts were asked (RFC 3339, this machine's clock). */
  readonly at: string;
  /** False: the hosts were not asked, and the fields are those of the last run. */
  readonly asked: boolean;
  /** Worst first. */
  readonly hosts: readonly HostStatus[];
}

export interface HostFacts {
  readonly name: string;
  readonly wave: number;
  readonly required: boolean;
  /** The last run's outputs. */
  readonly published: HostOutputs | undefined;
  /** Its pin in the stack's file. */
  readonly pin: string | undefined;
  /** Undefined: the host was not asked. */
  readonly probe: Probe | undefined;
}

export const needsAttention = ({ required, state }: HostStatus): boolean =>
  required && ATTENTION.includes(state);

interface Classified {
  readonly state: State;
  readonly detail?: string;
}

/** The state that the last run left. */
function outcomeState({ outcome, reason }: HostOutputs): Classified {
  const detail = reason === undefined ? {} : { detail: lastLine(reason) };
  if (outcome === undefined) return { state: "new", detail: "it has no result of a deploy" };
  return outcome === "confirmed" ? { state: "ok" } : { state: outcome, ...detail };
}

function unreachedState(probe: Extract<Probe, { reached: false }>, required: boolean): Classified {
  const detail = lastLine(probe.reason);
  if (probe.garbled) return { state: "failed", detail };
  // The machine answered, but it showed another host key or refused the login.
  const trouble = sshTrouble(probe.reason);
  if (trouble === "identity" || trouble === "login") return { state: "failed", detail };
  return { state: required ? "unreachable" : "offline", detail };
}

const isReboot = ({ staged, kernel, bootedKernel }: SupervisorStatus): boolean =>
  staged != null || (kernel != null && bootedKernel != null && kernel !== bootedKernel);

/** Why a host has drifted from `wanted`; undefined: it has not. */
function drift(status: SupervisorStatus, wanted: string | undefined): string | undefined {
  const { system, profile, bootDefault, confirmed } = status;
  if (!confirmed) return "the running system is not the confirmed one";
  if (wanted !== undefined && system !== wanted) return "it runs a different system than the last run left";
  if (status.staged != null) return undefined;
  if (profile !== system) return "its profile names a different system";
  return bootDefault !== null && bootDefault !== system ? "it would boot a different system" : undefined;
}

function answeredState(status: SupervisorStatus, { published, pin }: HostFacts): Classified {
  if (status.phase !== "idle") return { state: "activating", detail: oneLine(status.phase, 40) };
  const last = published === undefined ? undefined : outcomeState(published);
  if (last === undefined || last.state === "new") return last ?? { state: "new" };
  if (last.state === "failed" || last.state === "rolled-back" || last.state === "held") return last;
  if (last.state === "offline") return { state: "held", detail: "it was offline in the last run" };
  if (last.state === "staged" && status.staged == null) {
    return { state: "staged", detail: "it was rebooted since; the next up confirms it" };
  }
  const moved = drift(status, pin ?? published?.closure);
  if (moved !== undefined) return { state: "drifted", detail: moved };
  const units = status.failedUnits ?? [];
  if (units.length > 0)
    return { state: "degraded", detail: `failed units: ${oneLine(units.join(" "), 200)}` };
  if (status.staged != null) return { state: "staged", detail: "the wanted system boots next" };
  return { state: pin === undefined ? "ok" : "pinned" };
}

function classify(facts: HostFacts): Classified {
  const { published, probe, required, pin } = facts;
  if (published === undefined) return { state: "new", detail: "the stack has never deployed it" };
  if (probe === undefined) {
    const last = outcomeState(published);
    return last.state === "ok" && pin !== undefined ? { state: "pinned" } : last;
  }
  return probe.reached ? answeredState(probe.status, facts) : unreachedState(probe, required);
}

/** Drops undefined and null fields. */
const known = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));

/** The state of a host with what is known of it; unknown fields are absent. */
export function hostStatus(facts: HostFacts): HostStatus {
  const { name, wave, required, published, pin, probe } = facts;
  const status = probe?.reached ? probe.status : undefined;
  const converged = published?.outcome === "confirmed" ? published.closure : undefined;
  const units = status?.failedUnits ?? [];
  return {
    name,
    wave,
    required,
    ...classify(facts),
    ...known({
      reachable: probe?.reached,
      outcome: published?.outcome,
      running: status?.system ?? published?.closure,
      boots: status?.staged?.wanted ?? status?.bootDefault,
      confirmed: status?.confirmed,
      wanted: pin ?? published?.wanted ?? converged ?? status?.staged?.wanted ?? status?.last?.wanted,
      generation: status?.generation ?? published?.generation,
      pinned: pin,
      needsReboot: status && isReboot(status),
      failedUnits: units.length === 0 ? undefined : units,
      commit: (status?.deploy ?? published?.provenance)?.commit,
    }),
  };
}

/** Worst first, then by wave and name. */
export function worstFirst(hosts: readonly HostStatus[]): HostStatus[] {
  const rank = ({ state }: HostStatus) => STATES.findIndex(([name]) => name === state);
  return [...hosts].sort(
    (a, b) =>
      Number(needsAttention(b)) - Number(needsAttention(a)) ||
      rank(a) - rank(b) ||
      a.wave - b.wave ||
      (a.name < b.name ? -1 : 1),
  );
}
