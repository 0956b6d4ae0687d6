/**
 * The rule that makes a deploy level-triggered. The token is opaque; a host keeps the one it was last confirmed with. A
 * host that is as wanted returns its own, which the state has as well: no change. Anything else gets another one.
 */
import type { Probe } from "./probe.ts";
import type { SupervisorStatus } from "./supervisor.ts";

export interface TokenArgs {
  readonly outPath: string;
  readonly probe: Probe;
  readonly converge: "must" | "best-effort";
  /** A token nobody has seen before; random for each run of the program. */
  readonly fresh: string;
}

/** The token of best-effort hosts that do not answer: always the same, so that a closed laptop is no change. */
export const offlineToken = "offline";

/** Running, committed (profile, and boot default where it can be read), confirmed, and nothing under way. */
export function asWanted(status: SupervisorStatus, outPath: string): boolean {
  return (
    status.phase === "idle" &&
    status.confirmed &&
    status.system === outPath &&
    status.profile === outPath &&
    (status.bootDefault === null || status.bootDefault === outPath)
  );
}

export function wantedToken({ outPath, probe, converge, fresh }: TokenArgs): string {
  if (!probe.reached) return converge === "best-effort" ? offlineToken : fresh;
  const { status } = probe;
  return status.token !== null && asWanted(status, outPath) ? status.token : fresh;
}

/** Why a host is deployed to, for preview; undefined when it is as wanted. */
export function whyDeploy(outPath: string, probe: Probe): string | undefined {
  if (!probe.reached) return `the host does not answer: ${probe.reason.split("\n").at(-1)}`;
  const { status } = probe;
  if (status.version === 0) return "the machine was never managed";
  if (status.phase !== "idle") return `an activation is under way there (${status.phase})`;
  if (status.system !== outPath) {
    if (status.last?.wanted === outPath && status.last.outcome !== "confirmed") {
      return `the last attempt ended ${status.last.outcome} at ${status.last.step ?? "?"}`;
    }
    return status.confirmed
      ? "another system is wanted"
      : "the running system is not the confirmed one (drift)";
  }
  if (status.profile !== outPath) return "the profile points at another system (drift)";
  if (status.bootDefault !== null && status.bootDefault !== outPath)
    return "it would boot another system (drift)";
  return status.confirmed && status.token !== null ? undefined : "it runs, but was never confirmed";
}
