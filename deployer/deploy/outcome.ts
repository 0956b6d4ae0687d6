/** Turns the host's final answer into the outcome of a deploy. */
import { firstNames } from "../../lib/names.ts";
import { lastLine } from "../../lib/sanitize.ts";
import type { SupervisorStatus, VerbResult } from "../protocol/supervisor.ts";
import type { Outcome } from "./context.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import type { Step, StepFailure } from "./steps.ts";

export interface OutcomeFacts {
  readonly answer: VerbResult;
  readonly step: Step;
  /** A status from after the answer. */
  readonly now?: SupervisorStatus | undefined;
  /** Id of the boot that the host left for the activation. */
  readonly rebootOf?: string | undefined;
  /** Why the last attempt to confirm failed on this side. */
  readonly unconfirmed?: StepFailure | undefined;
}

export function toOutcome(spec: DeploySpec, facts: OutcomeFacts): Outcome {
  const { answer, rebootOf } = facts;
  const known = { ...reported(answer), ...runningFacts(answer) };
  if (answer.outcome === "staged") {
    return { outcome: "staged", step: "reboot", reason: reasonOf(answer), ...known };
  }
  if (answer.outcome !== "confirmed") return failedOutcome(spec, facts);
  const wrong = rebootOf === undefined ? undefined : notRebooted(spec, answer, rebootOf);
  if (wrong !== undefined) return { outcome: "failed", step: "reboot", reason: wrong, ...known };
  const warnings = answer.waits == null ? [] : [`takes effect at the next reboot: ${answer.waits}`];
  return { outcome: "confirmed", ...known, ...(warnings.length > 0 && { warnings }) };
}

/** Parts of an answer that every outcome has. */
const reported = ({ failedUnits = [], health = [], deploy }: VerbResult) => ({
  ...(health.length > 0 && { health }),
  ...(failedUnits.length > 0 && { failedUnits }),
  ...(deploy != null && { provenance: deploy }),
});

function failedOutcome(spec: DeploySpec, { answer, step, now, unconfirmed }: OutcomeFacts): Outcome {
  // When the confirmation did not arrive, only this side has the reason.
  const cause = answer.step === "confirm" ? unconfirmed : undefined;
  const pinGone = spec.drvPath === undefined && answer.step === "closure" ? PIN_GONE_HINT : undefined;
  const hint =
    pinGone ??
    cause?.hint ??
    HINTS[answer.step ?? ""] ??
    step.hint({ exitCode: 1, timedOut: false, stdout: "", stderr: "" });
  return {
    outcome: answer.outcome === "rolled-back" || rolledBackByReboot(answer) ? "rolled-back" : "failed",
    step: answer.step ?? step.name,
    ...(answer.command != null && { command: answer.command }),
    ...(answer.exitCode !== undefined && { exitCode: answer.exitCode }),
    reason: `${reasonOf(answer)}${fromHere(cause)}`,
    ...(hint !== undefined && { hint }),
    ...reported(answer),
    ...runningFacts(answer),
    ...(now !== undefined && runningFacts(now)),
  };
}

/** Why the host's report of a reboot into the wanted system contradicts its own facts; undefined when it does not. */
function notRebooted(spec: DeploySpec, answer: VerbResult, before: string): string | undefined {
  if (answer.bootId === before)
    return "confirmed, but the machine never rebooted: its boot id is the one from before";
  if (answer.booted !== spec.outPath) return `confirmed, but the machine booted ${answer.booted}`;
  return undefined;
}

/** A reboot inside the confirmation window boots the old system. */
function rolledBackByReboot(answer: VerbResult): boolean {
  return answer.outcome === "interrupted" && answer.running != null && answer.running === answer.recorded;
}

function reasonOf(answer: VerbResult): string {
  const missing = answer.missingUnits ?? [];
  const units = missing.length === 0 ? "" : `\nstill not running after the rollback: ${firstNames(missing)}`;
  return `${answer.reason ?? `the supervisor answered "${answer.outcome}"`}${units}`;
}

const PIN_GONE_HINT =
  "the system that the host is pinned to was garbage collected on the host: release the pin with `tools/pantheros rollback --release HOST`, then run `pulumi up`";

const RECORD_HINT = "check the disk of /var/lib/pantheros on the host: it is full or read-only";

/** Advice by the step at which the host failed. */
const HINTS: Record<string, string> = {
  busy: "another deploy of this host is under way: wait for its end, then run `pulumi up` again",
  inhibitors: "a check of the new system refuses the switch; nothing was changed",
  signature:
    "sign the closure with PANTHEROS_SIGNING_KEY; the host accepts the keys in `nix.settings.trusted-public-keys` only",
  closure: "the closure was garbage collected on the host between copy and activation; run `pulumi up` again",
  health: "read the service's log on the host: journalctl -u UNIT",
  confirm: "the runner could not reach the new system: check its sshd, firewall, network and authorized keys",
  commit: "the boot loader or the profile could not be written: check the free space on /boot and /nix",
  reboot: "the new system did not boot: read its journal (`journalctl -b -1` on the host) or the console",
  rollback: "the machine runs neither system fully; a reboot boots the old one",
  record: RECORD_HINT,
  result: RECORD_HINT,
};

/** What runs on the host, from an answer or a status. */
export function runningFacts(of: {
  running?: string | null | undefined;
  system?: string | null | undefined;
  booted?: string | null | undefined;
  generation?: number | null | undefined;
}) {
  const running = of.system ?? of.running;
  return {
    ...(running != null && { running }),
    ...(of.booted != null && { booted: of.booted }),
    ...(of.generation != null && { generation: of.generation }),
  };
}

const fromHere = (cause: StepFailure | undefined): string =>
  cause === undefined ? "" : `\nfrom here: ${lastLine(cause.reason)}`;

export const neverBegun = (lost: StepFailure | undefined): string =>
  `the activation did not begin on the host, which runs the old system: ${lost?.reason ?? ""}`;

/** `lastAnswer`: of the host; undefined when it never answered. */
export function deadlinePassed(
  spec: DeploySpec,
  lastAnswer: string | undefined,
  unconfirmed: StepFailure | undefined,
) {
  const budget = activationBudget(spec);
  const state =
    lastAnswer === undefined
      ? `the host has not answered for ${budget} s since its activation`
      : `the activation has not ended after ${budget} s; the host's last answer: ${lastAnswer}`;
  return {
    step: "confirm",
    reason: `${state}; unless it was confirmed, the host returns to the old system by itself${fromHere(unconfirmed)}`,
    hint: unconfirmed?.hint ?? "check the machine's console; once it answers, run `pulumi up` again",
  };
}
