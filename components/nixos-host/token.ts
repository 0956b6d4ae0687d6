/**
 * The rule that makes a deploy level-triggered. The token is opaque; a host stores the one of its last
 * confirmed deploy. A converged host returns its token, which equals the one in the state: no change.
 * Any other host gets a new token. So does a converged host whose last deploy did not succeed in the
 * state (it was held or offline): otherwise the outputs would keep reporting that result.
 */
import type { Probe } from "../../deployer/probe.ts";
import type { DeployOutcome } from "../../deployer/protocol/result.ts";
import type { SupervisorStatus } from "../../deployer/protocol/supervisor.ts";
import { lastLine } from "../../lib/sanitize.ts";

export interface TokenArgs {
  readonly outPath: string;
  readonly probe: Probe;
  readonly converge: "must" | "best-effort";
  /** A new random token; one per run of the program. */
  readonly fresh: string;
}

/** Nothing has to be done on the host. */
export const isUpToDate = (probe: Probe, outPath: string): boolean =>
  probe.reached && (isConverged(probe.status, outPath) || waitsForReboot(probe.status, outPath));

/** An outcome after which a converged host needs no further deploy. */
export const succeeded = (outcome: DeployOutcome): boolean => outcome === "confirmed" || outcome === "staged";

/** The token of best-effort hosts that do not answer: constant, so that a closed laptop shows no change. */
export const OFFLINE_TOKEN = "offline";

/** A deploy may reboot the host, and its running system has a kernel that is not booted yet. */
const isKernelPending = ({ reboot, kernel, bootedKernel }: SupervisorStatus): boolean =>
  reboot === "allow" && kernel != null && bootedKernel != null && kernel !== bootedKernel;

/** The host boots the wanted system at its next reboot, which no deploy may do. */
const waitsForReboot = (status: SupervisorStatus, outPath: string): boolean =>
  status.phase === "idle" &&
  status.staged?.wanted === outPath &&
  status.profile === outPath &&
  (status.bootDefault === null || status.bootDefault === outPath);

/** The system runs, is confirmed and committed (profile, and boot default where readable), and the host is idle. */
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

/** Ends the reasons of a host that was changed beside the program. */
const DRIFT = "(drift)";
/** Whether a reason of `deployReason` is drift. */
export const isDrift = (reason: string): boolean => reason.endsWith(DRIFT);

/** Why a host is deployed to, for previews; undefined when nothing has to be done. */
export function deployReason(outPath: string, probe: Probe): string | undefined {
  if (!probe.reached) {
    const reason = lastLine(probe.reason);
    return probe.garbled ? reason : `the host does not answer: ${reason}`;
  }
  const { status } = probe;
  if (status.version === 0) return "the machine was never managed";
  const unfinished =
    probe.unfinished && `it runs the wanted system, but its last deploy ended ${probe.unfinished}`;
  if (waitsForReboot(status, outPath)) return unfinished;
  if (status.phase !== "idle") return `an activation is under way (${status.phase})`;
  if (status.system !== outPath) {
    if (status.last?.wanted === outPath && status.last.outcome !== "confirmed") {
      return `the last attempt ended ${status.last.outcome} at ${status.last.step ?? "?"}`;
    }
    return status.confirmed
      ? "a different system is wanted"
      : `the running system is not the confirmed one ${DRIFT}`;
  }
  if (status.profile !== outPath) return `the profile points at a different system ${DRIFT}`;
  if (status.bootDefault !== null && status.bootDefault !== outPath)
    return `it would boot a different system ${DRIFT}`;
  if (isKernelPending(status)) return "its kernel is not booted yet";
  return status.confirmed && status.token !== null
    ? unfinished
    : "the wanted system runs, but was never confirmed";
}
