/** What a deploy, an install and a stack's verdict are told as: one JSON line per host, kept in the state. */
import * as z from "zod";
import { healthReport, parseLine, provenance, type SupervisorStatus } from "./supervisor.ts";

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
  step: z.string().optional(),
  /** What was run, as a person would type it. */
  command: z.string().optional(),
  exitCode: z.number().optional(),
  reason: z.string().optional(),
  hint: z.string().optional(),
};

export const deployResult = z.object({
  schemaVersion: z.literal(1),
  host: z.string(),
  outcome: deployOutcome,
  ...failure,
  /** Store path of the system that runs now; absent when it is not known. */
  running: z.string().optional(),
  booted: z.string().optional(),
  generation: z.number().optional(),
  health: healthReport.optional(),
  failedUnits: z.array(z.string()).optional(),
  /** Of the system that is committed on the host. */
  provenance: provenance.optional(),
  token: z.string(),
  /** What did not go well but did not stop the deploy either. */
  warnings: z.array(z.string()).optional(),
  /** Step -> seconds it took. */
  seconds: z.record(z.string(), z.number()),
});
export type DeployResult = z.infer<typeof deployResult>;

export const installResult = z.object({
  schemaVersion: z.literal(1),
  host: z.string(),
  /** already: the machine answers with its own host key and runs a managed system; nothing was done. */
  outcome: z.enum(["installed", "already", "failed"]),
  phase: z.string().optional(),
  ...failure,
  seconds: z.record(z.string(), z.number()),
});
export type InstallResult = z.infer<typeof installResult>;

/** A deploy's line read from the state. What is not one is a failure of its own, never a success. */
export function readDeployResult(host: string, stdout: string): DeployResult {
  return (
    parseLine(deployResult, stdout) ?? {
      schemaVersion: 1,
      host,
      outcome: "failed",
      step: "result",
      reason: stdout.trim() === "" ? "the deploy printed no result" : `not a result: ${stdout.slice(0, 200)}`,
      hint: "the deploy was ended from outside; run `pulumi up` again",
      token: "",
      seconds: {},
    }
  );
}

export function readInstallResult(host: string, stdout: string): InstallResult {
  return (
    parseLine(installResult, stdout) ?? {
      ...{ schemaVersion: 1, host, outcome: "failed", phase: "result", seconds: {} },
      reason:
        stdout.trim() === "" ? "the install printed no result" : `not a result: ${stdout.slice(0, 200)}`,
    }
  );
}

/** The result of a host whose install failed, in place of its deploy's, which was held for that and says no more. */
export function uninstalled({ phase, ...told }: InstallResult): DeployResult {
  const { schemaVersion, host, seconds, command, exitCode, reason, hint } = told;
  return {
    ...{ schemaVersion, host, outcome: "failed", step: `install ${phase ?? ""}`.trim(), token: "", seconds },
    ...(command === undefined ? {} : { command }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Steps of a deploy that leave the running system alone. */
const untouching = ["wave", "build", "sign", "push", "connect", "copy"];

/** What runs on a host that the deploy did not come to touch is what the host said at the start of the run. */
export function withRunning(result: DeployResult, status: SupervisorStatus | undefined): DeployResult {
  const { running, step } = result;
  if (status?.system == null || running !== undefined || !untouching.includes(step ?? "")) return result;
  const generation = status.generation == null ? {} : { generation: status.generation };
  return { ...result, running: status.system, ...generation };
}

/** `web: rolled-back at activate: foo.service failed`, on one line; for summaries. */
export function summary(result: DeployResult): string {
  const at = result.step === undefined ? "" : ` at ${result.step}`;
  const reason =
    result.reason === undefined ? "" : `: ${result.reason.trim().split("\n").slice(-1)[0] ?? ""}`;
  return `${result.host}: ${result.outcome}${at}${reason}`;
}
