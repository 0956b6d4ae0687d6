/**
 * Activates a closure that is on the host and follows the activation to its end. The host decides, and returns to the old system by
 * itself; this side asks, confirms over fresh connections, and polls the status after a lost connection. One deadline bounds an
 * activation, and another the wait for one that an interrupted run left behind; no answer of the host extends either.
 */
import type { CommandResult } from "../process/runner.ts";
import type { SupervisorStatus, VerbResult } from "../protocol/supervisor.ts";
import type { SshPeer } from "../ssh.ts";
import type { DeployContext, Outcome } from "./context.ts";
import { describeResult, mismatch, resultReply, statusReply } from "./host-answer.ts";
import { deadlinePassed, neverBegun, runningFacts, toOutcome } from "./outcome.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import { peer, portsOf, type Step, type StepFailure, sharedPeer, stepFailure, verbStep } from "./steps.ts";

/** Milliseconds between two polls of a host. */
const POLL_MS = 1000;

/** Attempts of an activation whose connection was lost before the host began with it. */
const ACTIVATE_ATTEMPTS = 2;

/** Answers to `activate` that are not final. "confirmed" is not either: it must be confirmed over a fresh connection. */
const NOT_FINAL = new Set<VerbResult["outcome"]>(["waiting", "current", "rebooting", "confirmed"]);

/** One activation and what was learned of it so far. */
interface Activation {
  /** Its steps never run longer than the deadline allows. */
  readonly context: DeployContext;
  readonly isOver: () => boolean;
  /** The host's last answer, for messages. */
  lastAnswer?: string;
  /** The host's id of this attempt. */
  attempt?: string;
  /** Id of the boot that the host leaves, when it reboots for the activation. */
  rebootOf?: string;
  /** Why the last attempt to confirm failed on this side. */
  unconfirmed?: StepFailure;
}

type ActivationState =
  | { readonly is: "waiting" }
  | { readonly is: "ended"; readonly result: VerbResult }
  | { readonly is: "never-begun"; readonly status: SupervisorStatus }
  | { readonly is: "invalid"; readonly reason: string }
  | { readonly is: "too-late" };

function newActivation(context: DeployContext): Activation {
  const { spec, now, runStep } = context;
  const deadline = now() + activationBudget(spec) * 1000;
  const secondsLeft = () => Math.max(1, Math.ceil((deadline - now()) / 1000));
  const bounded = (step: Step) =>
    runStep({ ...step, timeoutSeconds: Math.min(step.timeoutSeconds, secondsLeft()) });
  return { context: { ...context, runStep: bounded }, isOver: () => now() >= deadline };
}

/** Waits once for another activation of the host, such as the one of a run that was killed, and begins after its end. */
export async function activateAndConfirm(context: DeployContext): Promise<Outcome> {
  const { spec, progress } = context;
  const { outcome, isBusy } = await activateOnce(context);
  if (!isBusy) return outcome;
  const limit = activationBudget(spec);
  progress(`${spec.host}: another activation is under way; waiting for its end, at most ${limit} s`);
  if (!(await otherEnded(context))) {
    return { ...outcome, reason: `${outcome.reason}; it has not ended within ${limit} s` };
  }
  return (await activateOnce(context)).outcome;
}

/**
 * Polls until no activation is under way; false when the deadline passes first. An interrupted run of the same deploy may have left the
 * confirmation window open: confirming keeps the host from going back to the old system before it is activated again.
 */
async function otherEnded(context: DeployContext): Promise<boolean> {
  const other = newActivation(context);
  const { spec, files, runStep, sleep } = other.context;
  for (let polls = 0; !other.isOver(); polls++) {
    const { reply: status } = await fetchStatus(other, polls);
    if (status?.phase === "idle") return true;
    if (status && classifyStatus(spec, status)?.is === "waiting") {
      await runStep(verbStep(spec, "confirm", peer(spec, files, spec.user, confirmPort(spec, polls))));
    }
    await sleep(POLL_MS);
  }
  return false;
}

interface Activated {
  readonly outcome: Outcome;
  /** The host refused, because another activation is under way. */
  readonly isBusy?: boolean;
}

async function activateOnce(context: DeployContext): Promise<Activated> {
  const activation = newActivation(context);
  for (let attempt = 1; ; attempt++) {
    const start = await activate(activation, attempt);
    if ("outcome" in start) return start;
    const state: ActivationState = start.poll ? await pollStatus(activation) : { is: "waiting" };
    if (state.is === "never-begun" && attempt < ACTIVATE_ATTEMPTS) continue;
    return { outcome: await confirm(activation, state, start.lost) };
  }
}

/**
 * What came of the first request: an outcome, or an activation under way. `poll`: its state must be asked for; otherwise the
 * confirmation window is open. `lost`: how the connection was lost.
 */
type ActivationStart = Activated | { readonly poll: boolean; readonly lost?: StepFailure };

async function activate(activation: Activation, attempt: number): Promise<ActivationStart> {
  const { spec, files, runStep, progress } = activation.context;
  const step = verbStep(spec, "activate", sharedPeer(spec, files));
  const ran = await runStep(step);
  const { reply, invalid } = resultReply(ran);
  if (invalid !== undefined) return { outcome: rejected(step, invalid) };
  if (reply === undefined) {
    const lost = stepFailure(step, ran);
    // 255 and a timeout are ssh's own: the supervisor may have been reached. Any other error is the shell's or sudo's.
    const mayHaveBegun = ran.exitCode === 255 || ran.timedOut || ran.exitCode === null;
    return mayHaveBegun ? { poll: true, lost } : { outcome: { outcome: "failed", ...lost } };
  }
  activation.lastAnswer = describeResult(reply);
  const isBusy = reply.outcome === "refused" && reply.step === "busy";
  // The host is busy with the first attempt, whose connection was lost.
  if (isBusy && attempt > 1) return { poll: true, lost: stepFailure(step, ran) };
  if (!NOT_FINAL.has(reply.outcome)) {
    return { outcome: await finalOutcome(activation, reply, step), isBusy };
  }
  const wrong = mismatch(spec, reply, undefined);
  if (wrong !== undefined) return { outcome: rejected(step, wrong) };
  if (reply.attempt != null) activation.attempt = reply.attempt;
  if (reply.outcome !== "rebooting") return { poll: false };
  progress(`${spec.host}: reboots: ${reply.reason ?? ""}`);
  activation.rebootOf = reply.bootId ?? "";
  return { poll: true };
}

/** Confirms while the window is open, and follows the activation to its end. */
async function confirm(
  activation: Activation,
  first: ActivationState,
  lost: StepFailure | undefined,
): Promise<Outcome> {
  const { spec, files, runStep, progress, sleep } = activation.context;
  let state = first;
  let step = verbStep(spec, "activate", sharedPeer(spec, files));
  for (let attempt = 0; ; attempt++) {
    if (state.is === "ended") return finalOutcome(activation, state.result, step);
    if (state.is === "invalid") return rejected(step, state.reason);
    if (state.is === "never-begun") {
      const failure = activation.unconfirmed ?? lost;
      return { outcome: "failed", ...failure, ...runningFacts(state.status), reason: neverBegun(failure) };
    }
    if (state.is === "too-late" || activation.isOver()) {
      const { lastAnswer, unconfirmed } = activation;
      return { outcome: "failed", ...lost, ...deadlinePassed(spec, lastAnswer, unconfirmed) };
    }
    step = verbStep(spec, "confirm", peer(spec, files, spec.user, confirmPort(spec, attempt)));
    const ran = await runStep(step);
    const { reply, invalid } = resultReply(ran);
    if (invalid !== undefined) return rejected(step, invalid);
    // "refused" does not end the activation: the window may be over and the rollback under way. Poll for the end.
    if (reply !== undefined && reply.outcome !== "refused") return finalOutcome(activation, reply, step);
    const failure = confirmFailure(step, ran, reply);
    // A failure that repeats is printed once.
    if (failure.reason !== activation.unconfirmed?.reason) {
      progress(`${spec.host}: not confirmed: ${failure.reason.split("\n").at(-1)}`);
    }
    activation.unconfirmed = failure;
    await sleep(POLL_MS);
    state = await pollStatus(activation);
  }
}

/**
 * The wanted system's port. A pinned system may be older than the change of the port, so both are
 * tried in turn.
 */
function confirmPort(spec: DeploySpec, attempt: number): number | undefined {
  const ports = portsOf(spec);
  return spec.drvPath === undefined ? ports[attempt % ports.length] : spec.port;
}

function confirmFailure(step: Step, ran: CommandResult, refused: VerbResult | undefined): StepFailure {
  const failure = stepFailure(step, ran);
  return refused === undefined
    ? failure
    : { ...failure, reason: `the host answered "${describeResult(refused)}"` };
}

/** Polls until the activation has ended, the confirmation window is open, or the deadline has passed. */
async function pollStatus(activation: Activation): Promise<ActivationState> {
  const { spec, progress, sleep } = activation.context;
  for (let polls = 0; !activation.isOver(); polls++) {
    const { reply: status, invalid } = await fetchStatus(activation, polls);
    if (invalid !== undefined) return { is: "invalid", reason: invalid };
    if (status !== undefined) activation.lastAnswer = status.phase;
    const state = status && classifyStatus(spec, status);
    if (state !== undefined) return state;
    if (status === undefined && polls === 0) progress(`${spec.host}: no answer; trying again`);
    await sleep(POLL_MS);
  }
  return { is: "too-late" };
}

/** Returns undefined while the activation is under way. */
export function classifyStatus(
  spec: Pick<DeploySpec, "token" | "outPath">,
  status: SupervisorStatus,
): ActivationState | undefined {
  const { activation, last } = status;
  const ours = activation?.token === spec.token && (activation.wanted ?? spec.outPath) === spec.outPath;
  if (status.phase === "waiting" && ours) return { is: "waiting" };
  if (status.phase !== "idle") return undefined;
  if (status.confirmed && status.token === spec.token && status.system === spec.outPath) {
    return { is: "ended", result: confirmedResult(status) };
  }
  if (last?.token === spec.token) {
    // A system that runs already has no window; it waits for its confirmation.
    if (last.outcome === "current") return { is: "waiting" };
    if (last.outcome === "confirmed") return { is: "invalid", reason: contradiction(status) };
    return { is: "ended", result: { ...last, ...runningFacts(status) } };
  }
  return { is: "never-begun", status };
}

const contradiction = ({ system, token }: SupervisorStatus): string =>
  `the host's last result is "confirmed", but it runs ${system ?? "an unknown system"}, and its committed token is ${token ?? "none"}`;

function confirmedResult(status: SupervisorStatus): VerbResult {
  const { last, deploy, bootId, token } = status;
  const { health, waits, attempt } = (last?.token === token ? last : undefined) ?? {};
  return { outcome: "confirmed", token, attempt, health, waits, deploy, bootId, ...runningFacts(status) };
}

/**
 * Logins and ports at which the host may answer, tried in turn. A machine that was not managed
 * before has a supervisor only while the new system runs, so root is tried too.
 */
const statusPeers = ({ spec, files }: DeployContext): SshPeer[] =>
  portsOf(spec).flatMap((port) =>
    (spec.managed ? [spec.user] : [spec.user, "root"]).map((user) => peer(spec, files, user, port)),
  );

async function fetchStatus({ context }: Activation, polls: number) {
  const peers = statusPeers(context);
  const to = peers[polls % peers.length] as SshPeer;
  return statusReply(await context.runStep(verbStep(context.spec, "status", to)));
}

/** The outcome for the host's final answer, if that answer is about this deploy. */
async function finalOutcome(activation: Activation, answer: VerbResult, step: Step): Promise<Outcome> {
  const { context, rebootOf, unconfirmed } = activation;
  const { spec } = context;
  const wrong = mismatch(spec, answer, activation.attempt);
  if (wrong !== undefined) return rejected(step, wrong);
  if (answer.outcome === "confirmed" || answer.outcome === "staged") {
    return toOutcome(spec, { answer, step, rebootOf });
  }
  // Read over a fresh connection: what runs after the rollback, and that the host can be reached.
  let now: SupervisorStatus | undefined;
  const attempts = statusPeers(context).length;
  for (let polls = 0; polls < attempts && now === undefined && !activation.isOver(); polls++) {
    now = (await fetchStatus(activation, polls)).reply;
  }
  return toOutcome(spec, { answer, step, now, rebootOf, unconfirmed });
}

/** For an answer that cannot be trusted: nothing of it is used, so the running system counts as unknown. */
const rejected = (step: Step, reason: string): Outcome => ({
  outcome: "failed",
  step: step.name,
  reason,
  hint: REJECTED_HINT,
});

const REJECTED_HINT =
  "unless this deploy was confirmed, the host returns to the old system by itself; check its supervisor: it is broken or was replaced, or another deploy is under way";
