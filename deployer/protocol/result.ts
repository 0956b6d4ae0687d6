/** Results of deploys and installations: one line of JSON per host, stored in the state. */

import * as z from "zod";
import { lastLine, oneLine } from "../../lib/sanitize.ts";
import { isStorePath } from "../../lib/store-path.ts";
import type { EvaluationFailure } from "../evaluation/target.ts";
import { hostLine, hostList, hostNumber, hostText, hostWord, parseLine, unitName } from "./answer.ts";
import { healthReport, provenance, type SupervisorStatus } from "./supervisor.ts";

/**
 * - confirmed: the wanted system runs, is healthy, answered over a fresh connection, and is the boot default.
 * - staged: the wanted system needs a reboot, which the inventory does not allow; it runs after the next one. Nothing else changed.
 * - rolled-back: the wanted system failed; the old one runs again.
 * - held: a host of an earlier wave did not converge; this host was not touched.
 * - offline: the host did not answer and was not touched.
 * - failed: a step before the activation failed, or the end of the activation is unknown; see `running`.
 */
export const deployOutcome = z.enum(["confirmed", "staged", "rolled-back", "held", "offline", "failed"]);
export type DeployOutcome = z.infer<typeof deployOutcome>;

const failure = {
  step: hostWord.optional(),
  /** The command as a person would type it. */
  command: hostText.optional(),
  exitCode: hostNumber.optional(),
  reason: hostText.optional(),
  hint: hostText.optional(),
};

/** States of earlier versions may hold a text that is not a store path. */
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
  /** Store path of the running system; absent when unknown. */
  running: storePath,
  booted: storePath,
  generation: hostNumber.optional(),
  health: healthReport.optional(),
  failedUnits: hostList(unitName).optional(),
  /** Who deployed the host's committed system. */
  provenance: provenance.optional(),
  token: hostLine,
  /** Problems that did not stop the deploy. */
  warnings: hostList(hostText).optional(),
  /** Step -> seconds it took. */
  seconds,
});
export type DeployResult = z.infer<typeof deployResult>;

export const installResult = z.object({
  schemaVersion: z.literal(1),
  host: hostLine,
  /** already: the machine answers with its own host key and runs a managed system; nothing was changed. */
  outcome: z.enum(["installed", "already", "failed"]),
  phase: hostWord.optional(),
  ...failure,
  seconds,
});
export type InstallResult = z.infer<typeof installResult>;

/**
 * Parses a deploy's line from the state. A line that is not a result counts as a failed deploy. `host` is the resource's, because the
 * host may have been renamed since.
 */
export function readDeployResult(host: string, stdout: string): DeployResult {
  const result = parseLine(deployResult, stdout);
  if (result !== undefined) return { ...result, host };
  return {
    schemaVersion: 1,
    host,
    outcome: "failed",
    step: "result",
    reason: stdout.trim() === "" ? "the deploy printed no result" : `not a result: ${oneLine(stdout, 200)}`,
    hint: "the deploy was killed; run `pulumi up` again",
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

/** The result of a host whose installation failed. It replaces the result of the deploy, which was held for that reason. */
export function installFailure({ phase, ...rest }: InstallResult): DeployResult {
  const { schemaVersion, host, seconds, command, exitCode, reason, hint } = rest;
  return {
    ...{ schemaVersion, host, outcome: "failed", step: `install ${phase ?? ""}`.trim(), token: "", seconds },
    ...(command === undefined ? {} : { command }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The result of a host that can't be evaluated. */
export const evaluationFailure = (host: string, failure: EvaluationFailure): DeployResult => ({
  ...{ schemaVersion: 1, host, outcome: "failed", step: "evaluate", token: "", seconds: {} },
  ...failure,
});

/** The result of a host whose deploy did not start because a resource that it needs failed. */
export const resourceFailure = (host: string, reason: string): DeployResult => ({
  ...{ schemaVersion: 1, host, outcome: "failed", step: "resources", reason, token: "", seconds: {} },
  hint: "the host was not touched; fix the resource's error, then run `pulumi up` again",
});

/** Steps of a deploy before the running system is changed. */
const STEPS_WITHOUT_CHANGE = [
  "evaluate",
  "resources",
  "identity",
  "wave",
  "build",
  "sign",
  "push",
  "connect",
  "copy",
];

/**
 * Adds what the probe reported at the start of the run: the running system, when the deploy ended
 * before it changed the host, and the booted system, also when the result is that of an earlier run.
 */
export function withRunning(result: DeployResult, status: SupervisorStatus | undefined): DeployResult {
  if (status === undefined) return result;
  const untouched = STEPS_WITHOUT_CHANGE.includes(result.step ?? "");
  const isEarlier = status.token != null && status.token === result.token;
  const booted = untouched || isEarlier ? status.booted : undefined;
  const found = booted == null ? result : { ...result, booted };
  if (status.system == null || result.running !== undefined || !untouched) return found;
  const generation = status.generation == null ? {} : { generation: status.generation };
  return { ...found, running: status.system, ...generation };
}

/** One line for summaries: `web: rolled-back at activate: foo.service failed`. */
export function summary(result: DeployResult): string {
  const at = result.step === undefined ? "" : ` at ${result.step}`;
  const reason = result.reason === undefined ? "" : `: ${lastLine(result.reason)}`;
  return `${result.host}: ${result.outcome}${at}${reason}`;
}
