/**
 * The rule that makes a deploy level-triggered. The token is opaque; a host keeps the one it was last confirmed with. A
 * host that is as wanted returns its own, which the state has as well: no change. Anything else gets another one; so does a host
 * that is as wanted when the state has no good end of its deploy (it was held, or away), or that would stay the last word.
 */
import type { Probe } from "../../deployer/probe.ts";
import type { DeployOutcome } from "../../deployer/protocol/result.ts";
import type { SupervisorStatus } from "../../deployer/protocol/supervisor.ts";
import { lastLine } from "../../lib/sanitize.ts";

export interface TokenArgs {
  readonly outPath: string;
  readonly probe: Probe;
  readonly converge: "must" | "best-effort";
  /** A token nobody has seen before; random for each run of the program. */
  readonly fresh: string;
}

/** Nothing has to be done on the host. */
export const isUpToDate = (probe: Probe, outPath: string): boolean =>
  probe.reached && (isConverged(probe.status, outPath) || waitsForReboot(probe.status, outPath));

/** An end after which a host that is as wanted needs no further deploy. */
export const succeeded = (outcome: DeployOutcome): boolean => outcome === "confirmed" || outcome === "staged";

/** The token of best-effort hosts that do not answer: always the same, so that a closed laptop is no change. */
export const OFFLINE_TOKEN = "offline";

/** It may be rebooted by a deploy, and runs a system whose kernel is not the booted one. */
const isKernelPending = ({ reboot, kernel, bootedKernel }: SupervisorStatus): boolean =>
  reboot === "allow" && kernel != null && bootedKernel != null && kernel !== bootedKernel;

/** It boots the wanted system as soon as somebody reboots it, which no deploy may do. */
export const waitsForReboot = (status: SupervisorStatus, outPath: string): boolean =>
  status.phase === "idle" &&
  status.staged?.wanted === outPath &&
  status.profile === outPath &&
  (status.bootDefault === null || status.bootDefault === outPath);

/** Running, committed (profile, and boot default where it can be read), confirmed, and nothing under way. */
export function isConverged(status: SupervisorStatus, outPath: string): boolean {
  return (
    status.phase === "idle" &&
    status.confirmed &&
    status.system === outPath &&
    status.profile === outPath &&
    (status.bootDefault === null || status.bootDefault === outPath) &&
    !isKernelPending(status)
  );
}

export function wantedToken({ outPath, probe, converge, fresh }: TokenArgs): string {
  if (!probe.reached) return converge === "best-effort" && !probe.garbled ? OFFLINE_TOKEN : fresh;
  const { status } = probe;
  if (probe.unfinished !== undefined) return fresh;
  if (status.staged != null && waitsForReboot(status, outPath)) return status.staged.token;
  return status.token !== null && isConverged(status, outPath) ? status.token : fresh;
}

/** Why a host is deployed to, for preview; undefined when it is as wanted. */
export function deployReason(outPath: string, probe: Probe): string | undefined {
  if (!probe.reached) {
    const reason = lastLine(probe.reason);
    return probe.garbled ? reason : `the host does not answer: ${reason}`;
  }
  const { status } = probe;
  if (status.version === 0) return "the machine was never managed";
  const ended = probe.unfinished && `it is as wanted, but its last deploy ended ${probe.unfinished}`;
  if (waitsForReboot(status, outPath)) return ended;
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
  if (isKernelPending(status)) return "its kernel is not the booted one";
  return status.confirmed && status.token !== null ? ended : "it runs, but was never confirmed";
}
