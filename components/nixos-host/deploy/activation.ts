/**
 * From a closure on the host to its end there. The host decides (it goes back by itself); this side asks, confirms over
 * fresh connections, and after a lost connection asks again until the host has told the end or its budget is over.
 */
import {
  parseLine,
  type SupervisorStatus,
  supervisorStatus,
  type VerbResult,
  verbResult,
} from "../supervisor.ts";
import type { Ending, Perform, Tools } from "./deploy.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import { actingUser, type Step, stepFailure, verbStep } from "./steps.ts";

/** Milliseconds between questions to a host that does not answer or is not done. */
const pollMs = 1000;

/** Tries of an activation whose connection went before the host had begun with it. */
const activateTries = 2;

type Failure = ReturnType<typeof stepFailure>;

/** What is known of the activation now. */
type Known =
  | { readonly is: "waiting" }
  | { readonly is: "ended"; readonly result: VerbResult }
  | { readonly is: "never-begun"; readonly status: SupervisorStatus }
  | { readonly is: "unknown" };

export async function converge(spec: DeploySpec, tools: Tools, perform: Perform): Promise<Ending> {
  for (let attempt = 1; ; attempt++) {
    const begun = await activate(spec, tools, perform, attempt);
    if (begun.ending !== undefined) return begun.ending;
    const deadline = tools.now() + activationBudget(spec.seconds) * 1000;
    const known: Known =
      begun.lost === undefined ? { is: "waiting" } : await learn(spec, tools, perform, deadline);
    if (known.is === "never-begun" && attempt < activateTries) continue;
    return finish(spec, tools, perform, known, deadline, begun.lost);
  }
}

/** Either an ending, or the window is open, or the connection was lost and the host knows more than we do. */
async function activate(
  spec: DeploySpec,
  tools: Tools,
  perform: Perform,
  attempt: number,
): Promise<{ ending?: Ending; lost?: Failure }> {
  const step = verbStep(spec, tools.files, "activate", actingUser(spec));
  const ran = await perform(step);
  const line = parseLine(verbResult, ran.stdout);
  if (line?.outcome === "waiting" || line?.outcome === "current") return {};
  const failure = stepFailure(step, ran);
  // Busy with what a lost connection of ours had begun after all.
  if (line?.step === "busy" && attempt > 1) return { lost: failure };
  if (line !== undefined) return { ending: await ended(spec, tools, perform, line, step) };
  // A shell's or sudo's own error: the supervisor was not reached. 255 and a timeout are ssh's: it may have been.
  if (ran.exitCode !== 255 && !ran.timedOut && ran.exitCode !== null) {
    return { ending: { outcome: "failed", ...failure } };
  }
  return { lost: failure };
}

/** Confirms while the window is open, and follows the activation to its end. */
async function finish(
  spec: DeploySpec,
  tools: Tools,
  perform: Perform,
  first: Known,
  deadline: number,
  lost: Failure | undefined,
): Promise<Ending> {
  let known = first;
  let failure = lost;
  let step = verbStep(spec, tools.files, "activate", actingUser(spec));
  for (;;) {
    if (known.is === "ended") return ended(spec, tools, perform, known.result, step);
    if (known.is === "never-begun") {
      return { outcome: "failed", ...failure, ...facts(known.status), reason: neverBegun(failure) };
    }
    if (known.is === "unknown") return { outcome: "failed", ...failure, ...unknownEnd(spec) };
    step = verbStep(spec, tools.files, "confirm", spec.user);
    const ran = await perform(step);
    const line = parseLine(verbResult, ran.stdout);
    // "refused" is no end of the activation (the window may be over, and the way back under way): ask for the end.
    if (line !== undefined && line.outcome !== "refused") return ended(spec, tools, perform, line, step);
    failure = stepFailure(step, ran);
    tools.progress(`${spec.host}: not confirmed: ${failure.reason.split("\n").at(-1)}`);
    await tools.sleep(pollMs);
    known = await learn(spec, tools, perform, deadline);
  }
}

/** Asks for the status until it says something final, or the window is open, or the budget is over. */
async function learn(spec: DeploySpec, tools: Tools, perform: Perform, deadline: number): Promise<Known> {
  for (let asked = 0; asked === 0 || tools.now() < deadline; asked++) {
    const status = await ask(spec, tools, perform, asked);
    const known = status === undefined ? undefined : judge(spec, status);
    if (known !== undefined) return known;
    await tools.sleep(pollMs);
  }
  return { is: "unknown" };
}

/** What a status says about our activation; undefined: it is not done. */
export function judge(
  spec: Pick<DeploySpec, "token" | "outPath">,
  status: SupervisorStatus,
): Known | undefined {
  const ours = status.activation?.token === spec.token;
  if (status.phase === "waiting" && ours) return { is: "waiting" };
  if (status.phase !== "idle") return undefined;
  if (status.confirmed && status.token === spec.token && status.system === spec.outPath) {
    return { is: "ended", result: { outcome: "confirmed", health: status.last?.health, ...facts(status) } };
  }
  const last = status.last;
  if (last?.token === spec.token) {
    // A current system waits for its confirmation without a window.
    if (last.outcome === "current") return { is: "waiting" };
    return { is: "ended", result: { ...last, ...facts(status) } };
  }
  return { is: "never-begun", status };
}

/** One status. A machine that had no supervisor has one only while the new system runs: both ways are tried. */
async function ask(spec: DeploySpec, tools: Tools, perform: Perform, asked: number) {
  const user = spec.managed || asked % 2 === 0 ? spec.user : "root";
  const ran = await perform(verbStep(spec, tools.files, "status", user));
  return parseLine(supervisorStatus, ran.stdout);
}

/** The result for what the host said was the end. */
async function ended(
  spec: DeploySpec,
  tools: Tools,
  perform: Perform,
  line: VerbResult,
  step: Step,
): Promise<Ending> {
  const { failedUnits, health } = line;
  const told = {
    ...(health === undefined || health.length === 0 ? {} : { health }),
    ...(failedUnits === undefined || failedUnits.length === 0 ? {} : { failedUnits }),
  };
  if (line.outcome === "confirmed") return { outcome: "confirmed", ...told, ...facts(line) };
  const outcome = line.outcome === "rolled-back" || backByReboot(line) ? "rolled-back" : "failed";
  const hint = hints[line.step ?? ""] ?? step.hint({ exitCode: 1, timedOut: false, stdout: "", stderr: "" });
  // Read again over a fresh connection: what runs now, and that the host can be reached after its way back.
  const now =
    (await ask(spec, tools, perform, 0)) ?? (spec.managed ? undefined : await ask(spec, tools, perform, 1));
  return {
    outcome,
    step: line.step ?? step.name,
    ...(line.command == null ? {} : { command: line.command }),
    ...(line.exitCode === undefined ? {} : { exitCode: line.exitCode }),
    reason: reasonOf(line),
    ...(hint === undefined ? {} : { hint }),
    ...told,
    ...facts(line),
    ...(now === undefined ? {} : facts(now)),
  };
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

const hints: Record<string, string> = {
  busy: "another deploy of this host is under way: wait for its end, then `pulumi up` again",
  inhibitors: "the new system needs a reboot of this host; NixOS refuses to switch to it live",
  signature:
    "sign the closure with PANTHEROS_SIGNING_KEY; the host trusts `nix.settings.trusted-public-keys` only",
  closure: "the closure was garbage collected on the host between copy and activation; `pulumi up` again",
  health: "the service's own log says more: journalctl -u UNIT on the host",
  confirm:
    "the new system could not be reached from here: look at its sshd, firewall, network and authorized keys",
  commit: "the boot loader or the profile could not be written: look at the space on /boot and /nix",
  rollback: "the machine runs neither system fully; a reboot boots the old one",
};

function facts(of: {
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

const neverBegun = (lost: Failure | undefined): string =>
  `the activation never began on the host, which runs what it ran before: ${lost?.reason ?? ""}`;

function unknownEnd(spec: DeploySpec) {
  const budget = activationBudget(spec.seconds);
  return {
    step: "confirm",
    reason: `the host has not answered for ${budget} s since its activation; unless it was confirmed it has gone back to the system from before by itself`,
    hint: "look at the machine's console; when it answers again, `pulumi up` converges it",
  };
}
