/** What a deploy is told as, from what the host said of its end. */
import { lastLine } from "../../lib/sanitize.ts";
import type { SupervisorStatus, VerbResult } from "../protocol/supervisor.ts";
import type { Outcome } from "./deploy.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import type { Step, stepFailure } from "./steps.ts";

export interface OutcomeFacts {
  readonly line: VerbResult;
  readonly step: Step;
  /** A later status. */
  readonly now?: SupervisorStatus | undefined;
  /** Id of the boot that the host left on the way. */
  readonly rebootOf?: string | undefined;
  /** How the last try to confirm failed on this side. */
  readonly unconfirmed?: Failure | undefined;
}

export function toOutcome(
  spec: DeploySpec,
  { line, step, now, rebootOf, unconfirmed }: OutcomeFacts,
): Outcome {
  const { failedUnits, health, deploy } = line;
  const told = {
    ...(health === undefined || health.length === 0 ? {} : { health }),
    ...(failedUnits === undefined || failedUnits.length === 0 ? {} : { failedUnits }),
    ...(deploy == null ? {} : { provenance: deploy }),
  };
  if (line.outcome === "confirmed") {
    const wrong = rebootOf === undefined ? undefined : notRebooted(spec, line, rebootOf);
    if (wrong !== undefined) {
      return { outcome: "failed", step: "reboot", reason: wrong, ...told, ...facts(line) };
    }
    const warnings = line.waits == null ? {} : { warnings: [`waits for its next reboot: ${line.waits}`] };
    return { outcome: "confirmed", ...told, ...facts(line), ...warnings };
  }
  if (line.outcome === "staged") {
    return { outcome: "staged", step: "reboot", reason: reasonOf(line), ...told, ...facts(line) };
  }
  // Nobody confirmed: why, this side knows.
  const cause = line.step === "confirm" ? unconfirmed : undefined;
  const gone = spec.drvPath === undefined && line.step === "closure" ? pinGoneHint : undefined;
  const hint =
    gone ??
    cause?.hint ??
    hints[line.step ?? ""] ??
    step.hint({ exitCode: 1, timedOut: false, stdout: "", stderr: "" });
  return {
    outcome: line.outcome === "rolled-back" || backByReboot(line) ? "rolled-back" : "failed",
    step: line.step ?? step.name,
    ...(line.command == null ? {} : { command: line.command }),
    ...(line.exitCode === undefined ? {} : { exitCode: line.exitCode }),
    reason: `${reasonOf(line)}${fromHere(cause)}`,
    ...(hint === undefined ? {} : { hint }),
    ...told,
    ...facts(line),
    ...(now === undefined ? {} : facts(now)),
  };
}

/** The host says that it went through a reboot into the wanted system: what of that its own facts do not bear out. */
function notRebooted(spec: DeploySpec, line: VerbResult, before: string): string | undefined {
  if (line.bootId === before)
    return "confirmed, but the machine never rebooted: its boot id is the one from before";
  if (line.booted !== spec.outPath) return `confirmed, but the machine booted ${line.booted}`;
  return undefined;
}

/** A reboot inside the window boots the system from before: the same end as a way back. */
function backByReboot(line: VerbResult): boolean {
  return line.outcome === "interrupted" && line.running != null && line.running === line.recorded;
}

function reasonOf(line: VerbResult): string {
  const missing = line.missingUnits ?? [];
  const units = missing.length === 0 ? "" : `\nstill not running after the way back: ${missing.join(", ")}`;
  return `${line.reason ?? `the supervisor says "${line.outcome}"`}${units}`;
}

const pinGoneHint =
  "the host no longer has the system it is pinned to (garbage collection): release the pin with `tools/pulumi rollback --release HOST`, then `up`";

const hints: Record<string, string> = {
  busy: "another deploy of this host is under way: wait for its end, then `pulumi up` again",
  inhibitors: "a check of the new system itself refuses the switch, before anything was touched",
  signature:
    "sign the closure with PANTHEROS_SIGNING_KEY; the host trusts `nix.settings.trusted-public-keys` only",
  closure: "the closure was garbage collected on the host between copy and activation; `pulumi up` again",
  health: "the service's own log says more: journalctl -u UNIT on the host",
  confirm:
    "the new system could not be reached from here: look at its sshd, firewall, network and authorized keys",
  commit: "the boot loader or the profile could not be written: look at the space on /boot and /nix",
  reboot:
    "the new system did not come up: its journal (`journalctl -b -1` on the host) or the console say why",
  rollback: "the machine runs neither system fully; a reboot boots the old one",
  record: "look at the disk of /var/lib/pantheros on the host: it is full, or read-only",
  result: "look at the disk of /var/lib/pantheros on the host: it is full, or read-only",
};

export function facts(of: {
  running?: string | null | undefined;
  system?: string | null | undefined;
  booted?: string | null | undefined;
  generation?: number | null | undefined;
}) {
  const running = of.system ?? of.running;
  return {
    ...(running == null ? {} : { running }),
    ...(of.booted == null ? {} : { booted: of.booted }),
    ...(of.generation == null ? {} : { generation: of.generation }),
  };
}

type Failure = ReturnType<typeof stepFailure>;

const fromHere = (cause: Failure | undefined): string =>
  cause === undefined ? "" : `\nfrom here: ${lastLine(cause.reason)}`;

export const neverBegun = (lost: Failure | undefined): string =>
  `the activation never began on the host, which runs what it ran before: ${lost?.reason ?? ""}`;

/** The deadline has passed. `last`: what the host said last; undefined: nothing. */
export function tooLate(spec: DeploySpec, last: string | undefined, unconfirmed: Failure | undefined) {
  const budget = activationBudget(spec);
  const said =
    last === undefined
      ? `the host has not answered for ${budget} s since its activation`
      : `no end ${budget} s after the activation began; the host last said: ${last}`;
  return {
    step: "confirm",
    reason: `${said}; unless it was confirmed it goes back to the system from before by itself${fromHere(unconfirmed)}`,
    hint:
      unconfirmed?.hint ?? "look at the machine's console; when it answers again, `pulumi up` converges it",
  };
}
