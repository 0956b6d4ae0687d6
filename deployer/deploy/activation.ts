/**
 * From a closure on the host to its end there. The host decides (it goes back by itself); this side asks, confirms over
 * fresh connections, and after a lost connection asks again until the host has told the end. All of it has one deadline, which no
 * answer of the host moves.
 */

import type { CommandResult } from "../process/runner.ts";
import type { SupervisorStatus, VerbResult } from "../protocol/supervisor.ts";
import type { DeployTools, Outcome, Perform } from "./deploy.ts";
import { describeResult, mismatch, resultReply, statusReply } from "./host-answer.ts";
import { facts, neverBegun, toOutcome, tooLate } from "./outcome.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import { peer, type Step, sharedPeer, stepFailure, verbStep } from "./steps.ts";

/** Milliseconds between questions to a host that does not answer or is not done. */
const pollMs = 1000;

/** Tries of an activation whose connection went before the host had begun with it. */
const activateTries = 2;

/** Answers to `activate` after which there is more to do. What is "confirmed" has to be so over a fresh connection. */
const goesOn = new Set<VerbResult["outcome"]>(["waiting", "current", "rebooting", "confirmed"]);

type Failure = ReturnType<typeof stepFailure>;

/** One activation: what it is for, and what was learned on the way. */
interface Activation {
  readonly spec: DeploySpec;
  readonly tools: DeployTools;
  /** Runs a step within what is left until the deadline. */
  readonly perform: Perform;
  readonly isOver: () => boolean;
  /** What the host said last. */
  last?: string;
  /** What the host calls this attempt. */
  attempt?: string;
  /** The boot that the host is leaving: it goes on after the next one. */
  rebootOf?: string;
  /** How the last try to confirm failed on this side. */
  unconfirmed?: Failure;
}

/** What is known of the activation now. */
type ActivationState =
  | { readonly is: "waiting" }
  | { readonly is: "ended"; readonly result: VerbResult }
  | { readonly is: "never-begun"; readonly status: SupervisorStatus }
  | { readonly is: "invalid"; readonly reason: string }
  | { readonly is: "too-late" };

export async function converge(spec: DeploySpec, tools: DeployTools, perform: Perform): Promise<Outcome> {
  const deadline = tools.now() + activationBudget(spec) * 1000;
  const left = () => Math.max(1, Math.ceil((deadline - tools.now()) / 1000));
  const activation: Activation = {
    ...{ spec, tools, isOver: () => tools.now() >= deadline },
    perform: (step) => perform({ ...step, timeoutSeconds: Math.min(step.timeoutSeconds, left()) }),
  };
  for (let attempt = 1; ; attempt++) {
    const begun = await activate(activation, attempt);
    if ("ending" in begun) return begun.ending;
    const known: ActivationState = begun.ask ? await pollStatus(activation) : { is: "waiting" };
    if (known.is === "never-begun" && attempt < activateTries) continue;
    return finish(activation, known, begun.lost);
  }
}

/** Either an ending, or the window is open (`ask` is false), or the host knows more than we do. `lost`: the connection went. */
type ActivationStart = { readonly ending: Outcome } | { readonly ask: boolean; readonly lost?: Failure };

async function activate(activation: Activation, attempt: number): Promise<ActivationStart> {
  const { spec, tools } = activation;
  const step = verbStep(spec, "activate", sharedPeer(spec, tools.files));
  const ran = await activation.perform(step);
  const { reply: line, invalid } = resultReply(ran);
  if (invalid !== undefined) return { ending: rejected(step, invalid) };
  if (line === undefined) {
    const lost = stepFailure(step, ran);
    // A shell's or sudo's own error: the supervisor was not reached. 255 and a timeout are ssh's: it may have been.
    const reached = ran.exitCode === 255 || ran.timedOut || ran.exitCode === null;
    return reached ? { ask: true, lost } : { ending: { outcome: "failed", ...lost } };
  }
  activation.last = describeResult(line);
  // Busy with what a lost connection of ours had begun after all.
  if (line.step === "busy" && attempt > 1) return { ask: true, lost: stepFailure(step, ran) };
  if (!goesOn.has(line.outcome)) return { ending: await ended(activation, line, step) };
  const wrong = mismatch(spec, line, undefined);
  if (wrong !== undefined) return { ending: rejected(step, wrong) };
  if (line.attempt != null) activation.attempt = line.attempt;
  if (line.outcome !== "rebooting") return { ask: false };
  tools.progress(`${spec.host}: reboots: ${line.reason ?? ""}`);
  activation.rebootOf = line.bootId ?? "";
  return { ask: true };
}

/** Confirms while the window is open, and follows the activation to its end. */
async function finish(
  activation: Activation,
  first: ActivationState,
  lost: Failure | undefined,
): Promise<Outcome> {
  const { spec, tools } = activation;
  let known = first;
  let step = verbStep(spec, "activate", sharedPeer(spec, tools.files));
  for (;;) {
    if (known.is === "ended") return ended(activation, known.result, step);
    if (known.is === "invalid") return rejected(step, known.reason);
    if (known.is === "never-begun") {
      const failure = activation.unconfirmed ?? lost;
      return { outcome: "failed", ...failure, ...facts(known.status), reason: neverBegun(failure) };
    }
    if (known.is === "too-late" || activation.isOver()) {
      return { outcome: "failed", ...lost, ...tooLate(spec, activation.last, activation.unconfirmed) };
    }
    step = verbStep(spec, "confirm", peer(spec, tools.files, spec.user));
    const ran = await activation.perform(step);
    const { reply: line, invalid } = resultReply(ran);
    if (invalid !== undefined) return rejected(step, invalid);
    // "refused" is no end of the activation (the window may be over, and the way back under way): ask for the end.
    if (line !== undefined && line.outcome !== "refused") return ended(activation, line, step);
    const failure = confirmFailure(step, ran, line);
    // Told once, however long it goes on.
    if (failure.reason !== activation.unconfirmed?.reason) {
      tools.progress(`${spec.host}: not confirmed: ${failure.reason.split("\n").at(-1)}`);
    }
    activation.unconfirmed = failure;
    await tools.sleep(pollMs);
    known = await pollStatus(activation);
  }
}

function confirmFailure(step: Step, ran: CommandResult, refused: VerbResult | undefined): Failure {
  const failure = stepFailure(step, ran);
  return refused === undefined
    ? failure
    : { ...failure, reason: `the host says "${describeResult(refused)}"` };
}

/** Asks for the status until it says something final, or the window is open, or the deadline has passed. */
async function pollStatus(activation: Activation): Promise<ActivationState> {
  const { spec, tools } = activation;
  for (let asked = 0; !activation.isOver(); asked++) {
    const { reply: status, invalid } = await fetchStatus(activation, asked);
    if (invalid !== undefined) return { is: "invalid", reason: invalid };
    if (status !== undefined) activation.last = status.phase;
    const known = status && classifyStatus(spec, status);
    if (known !== undefined) return known;
    if (status === undefined && asked === 0) tools.progress(`${spec.host}: no answer; it is asked again`);
    await tools.sleep(pollMs);
  }
  return { is: "too-late" };
}

/** What a status says about our activation; undefined: it is not done. */
export function classifyStatus(
  spec: Pick<DeploySpec, "token" | "outPath">,
  status: SupervisorStatus,
): ActivationState | undefined {
  const { activation, last } = status;
  const ours = activation?.token === spec.token && (activation.wanted ?? spec.outPath) === spec.outPath;
  if (status.phase === "waiting" && ours) return { is: "waiting" };
  if (status.phase !== "idle") return undefined;
  if (status.confirmed && status.token === spec.token && status.system === spec.outPath) {
    return { is: "ended", result: confirmedBy(status) };
  }
  if (last?.token === spec.token) {
    // A current system waits for its confirmation without a window.
    if (last.outcome === "current") return { is: "waiting" };
    if (last.outcome === "confirmed") return { is: "invalid", reason: contradiction(status) };
    return { is: "ended", result: { ...last, ...facts(status) } };
  }
  return { is: "never-begun", status };
}

const contradiction = ({ system, token }: SupervisorStatus): string =>
  `the host's last result is "confirmed", but what it runs is ${system ?? "not said"}, and its committed token is ${token ?? "none"}`;

function confirmedBy(status: SupervisorStatus): VerbResult {
  const { last, deploy, bootId, token } = status;
  const told = last?.token === token ? last : undefined;
  const { health, waits, attempt } = told ?? {};
  return { outcome: "confirmed", token, attempt, health, waits, deploy, bootId, ...facts(status) };
}

/** One status. A machine that had no supervisor has one only while the new system runs: both ways are tried. */
async function fetchStatus({ spec, tools, perform }: Activation, asked: number) {
  const user = spec.managed || asked % 2 === 0 ? spec.user : "root";
  return statusReply(await perform(verbStep(spec, "status", peer(spec, tools.files, user))));
}

/** The ending for what the host said was the end, where that is this deploy's. */
async function ended(activation: Activation, line: VerbResult, step: Step): Promise<Outcome> {
  const { spec, rebootOf, unconfirmed } = activation;
  const wrong = mismatch(spec, line, activation.attempt);
  if (wrong !== undefined) return rejected(step, wrong);
  if (line.outcome === "confirmed" || line.outcome === "staged") {
    return toOutcome(spec, { line, step, rebootOf });
  }
  // Read again over a fresh connection: what runs now, and that the host can be reached after its way back.
  let now: SupervisorStatus | undefined;
  for (let asked = 0; asked < (spec.managed ? 1 : 2) && now === undefined && !activation.isOver(); asked++) {
    now = (await fetchStatus(activation, asked)).reply;
  }
  return toOutcome(spec, { line, step, now, rebootOf, unconfirmed });
}

/** Nothing of such an answer is used, what it says of the running system included: that counts as not known. */
const rejected = (step: Step, reason: string): Outcome => ({
  outcome: "failed",
  step: step.name,
  reason,
  hint: rejectedHint,
});

const rejectedHint =
  "unless this deploy was confirmed the host goes back by itself; look at its supervisor: it is broken, another program is in its place, or somebody else deploys";
