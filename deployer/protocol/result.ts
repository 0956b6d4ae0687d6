/** What a deploy, an install and a stack's verdict are told as: one JSON line per host, kept in the state. */

import * as z from "zod";
import { isStorePath, lastLine, oneLine } from "../../lib/sanitize.ts";
import { hostLine, hostList, hostNumber, hostText, hostWord, parseLine, unitName } from "./answer.ts";
import { healthReport, provenance, type SupervisorStatus } from "./supervisor.ts";

/**
 * - confirmed: the wanted system runs, is healthy, answered over a fresh connection, and is what boots.
 * - staged: it boots next, and cannot run before; the inventory leaves the reboot to somebody. Nothing else was changed.
 * - rolled-back: it was tried; the system recorded before runs again.
 * - held: an earlier wave did not converge; the host was not touched.
 * - offline: the host did not answer; it was not touched.
 * - failed: a step failed before the activation, or the end could not be learnt; `running` says what is known.
 */
export const deployOutcome = z.enum(["confirmed", "staged", "rolled-back", "held", "offline", "failed"]);
export type DeployOutcome = z.infer<typeof deployOutcome>;

const failure = {
  step: hostWord.optional(),
  /** What was run, as a person would type it. */
  command: hostText.optional(),
  exitCode: hostNumber.optional(),
  reason: hostText.optional(),
  hint: hostText.optional(),
};

/** What an earlier version took from a host need not be a path of the store. */
const storePath = z
  .string()
  .transform((path) => (isStorePath(path) ? path : undefined))
  .optional();
const seconds = z.record(hostWord, z.number());

export const deployResult = z.object({
  schemaVersion: z.literal(1),
  host: hostLine,
  outcome: deployOutcome,
  ...failure,
  /** Store path of the system that runs now; absent when it is not known. */
  running: storePath,
  booted: storePath,
  generation: hostNumber.optional(),
  health: healthReport.optional(),
  failedUnits: hostList(unitName).optional(),
  /** Of the system that is committed on the host. */
  provenance: provenance.optional(),
  token: hostLine,
  /** What did not go well but did not stop the deploy either. */
  warnings: hostList(hostText).optional(),
  /** Step -> seconds it took. */
  seconds,
});
export type DeployResult = z.infer<typeof deployResult>;

export const installResult = z.object({
  schemaVersion: z.literal(1),
  host: hostLine,
  /** already: the machine answers with its own host key and runs a managed system; nothing was done. */
  outcome: z.enum(["installed", "already", "failed"]),
  phase: hostWord.optional(),
  ...failure,
  seconds,
});
export type InstallResult = z.infer<typeof installResult>;

/**
 * A deploy's line read from the state. What is not one is a failure of its own, never a success. Whose it is, the resource says: a host
 * may have been renamed since.
 */
export function readDeployResult(host: string, stdout: string): DeployResult {
  const told = parseLine(deployResult, stdout);
  if (told !== undefined) return { ...told, host };
  return {
    schemaVersion: 1,
    host,
    outcome: "failed",
    step: "result",
    reason: stdout.trim() === "" ? "the deploy printed no result" : `not a result: ${oneLine(stdout, 200)}`,
    hint: "the deploy was ended from outside; run `pulumi up` again",
    token: "",
    seconds: {},
  };
}

export function readInstallResult(host: string, stdout: string): InstallResult {
  return (
    parseLine(installResult, stdout) ?? {
      ...{ schemaVersion: 1, host, outcome: "failed", phase: "result", seconds: {} },
      reason:
        stdout.trim() === "" ? "the install printed no result" : `not a result: ${oneLine(stdout, 200)}`,
    }
  );
}

/** The result of a host whose install failed, in place of its deploy's, which was held for that and says no more. */
export function installFailure({ phase, ...told }: InstallResult): DeployResult {
  const { schemaVersion, host, seconds, command, exitCode, reason, hint } = told;
  return {
    ...{ schemaVersion, host, outcome: "failed", step: `install ${phase ?? ""}`.trim(), token: "", seconds },
    ...(command === undefined ? {} : { command }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The result of a host whose deploy did not begin, because a resource that it needs failed. */
export const resourceFailure = (host: string, reason: string): DeployResult => ({
  ...{ schemaVersion: 1, host, outcome: "failed", step: "resources", reason, token: "", seconds: {} },
  hint: "the host was not touched; the resource's own error says what to do, then run `pulumi up` again",
});

/** Steps of a deploy that leave the running system alone. */
const STEPS_WITHOUT_CHANGE = ["resources", "identity", "wave", "build", "sign", "push", "connect", "copy"];

/** What runs on a host that the deploy did not come to touch is what the host said at the start of the run. */
export function withRunning(result: DeployResult, status: SupervisorStatus | undefined): DeployResult {
  const { running, step } = result;
  if (status?.system == null || running !== undefined || !STEPS_WITHOUT_CHANGE.includes(step ?? ""))
    return result;
  const generation = status.generation == null ? {} : { generation: status.generation };
  return { ...result, running: status.system, ...generation };
}

/** `web: rolled-back at activate: foo.service failed`, on one line; for summaries. */
export function summary(result: DeployResult): string {
  const at = result.step === undefined ? "" : ` at ${result.step}`;
  const reason = result.reason === undefined ? "" : `: ${lastLine(result.reason)}`;
  return `${result.host}: ${result.outcome}${at}${reason}`;
}
