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
import { ending, facts, neverBegun, unknownEnd } from "./ending.ts";
import { activationBudget, type DeploySpec } from "./spec.ts";
import { peer, type Step, sharedPeer, stepFailure, verbStep } from "./steps.ts";

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
    const deadline = tools.now() + activationBudget(spec) * 1000;
    const asks = begun.lost !== undefined || begun.rebootOf !== undefined;
    const known: Known = asks ? await learn(spec, tools, perform, deadline) : { is: "waiting" };
    if (known.is === "never-begun" && attempt < activateTries) continue;
    return finish(spec, tools, perform, known, deadline, begun);
  }
}

/** Either an ending, or the window is open, or the host knows more than we do. */
interface Begun {
  readonly ending?: Ending;
  /** The connection went. */
  readonly lost?: Failure;
  /** The boot that the host is leaving: it goes on after the next one. */
  readonly rebootOf?: string;
}

async function activate(spec: DeploySpec, tools: Tools, perform: Perform, attempt: number): Promise<Begun> {
  const step = verbStep(spec, "activate", sharedPeer(spec, tools.files));
  const ran = await perform(step);
  const line = parseLine(verbResult, ran.stdout);
  if (line?.outcome === "waiting" || line?.outcome === "current") return {};
  if (line?.outcome === "rebooting") {
    tools.progress(`${spec.host}: reboots: ${line.reason ?? ""}`);
    return { rebootOf: line.bootId ?? "" };
  }
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
  { lost, rebootOf }: Begun,
): Promise<Ending> {
  let known = first;
  let failure = lost;
  let step = verbStep(spec, "activate", sharedPeer(spec, tools.files));
  for (;;) {
    if (known.is === "ended") return ended(spec, tools, perform, known.result, step, rebootOf);
    if (known.is === "never-begun") {
      return { outcome: "failed", ...failure, ...facts(known.status), reason: neverBegun(failure) };
    }
    if (known.is === "unknown") return { outcome: "failed", ...failure, ...unknownEnd(spec) };
    step = verbStep(spec, "confirm", peer(spec, tools.files, spec.user));
    const ran = await perform(step);
    const line = parseLine(verbResult, ran.stdout);
    // "refused" is no end of the activation (the window may be over, and the way back under way): ask for the end.
    if (line !== undefined && line.outcome !== "refused") {
      return ended(spec, tools, perform, line, step, rebootOf);
    }
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
    if (status === undefined && asked === 0) {
      const left = Math.round((deadline - tools.now()) / 1000);
      tools.progress(`${spec.host}: no answer; asks again, for at most ${left} s`);
    }
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
    return { is: "ended", result: confirmedBy(status) };
  }
  const last = status.last;
  if (last?.token === spec.token) {
    // A current system waits for its confirmation without a window.
    if (last.outcome === "current") return { is: "waiting" };
    return { is: "ended", result: { ...last, ...facts(status) } };
  }
  return { is: "never-begun", status };
}

function confirmedBy(status: SupervisorStatus): VerbResult {
  const { last, deploy, bootId } = status;
  return { outcome: "confirmed", health: last?.health, waits: last?.waits, deploy, bootId, ...facts(status) };
}

/** One status. A machine that had no supervisor has one only while the new system runs: both ways are tried. */
async function ask(spec: DeploySpec, tools: Tools, perform: Perform, asked: number) {
  const user = spec.managed || asked % 2 === 0 ? spec.user : "root";
  const ran = await perform(verbStep(spec, "status", peer(spec, tools.files, user)));
  return parseLine(supervisorStatus, ran.stdout);
}

/** The ending for what the host said was the end. */
async function ended(
  spec: DeploySpec,
  tools: Tools,
  perform: Perform,
  line: VerbResult,
  step: Step,
  rebootOf?: string,
): Promise<Ending> {
  if (line.outcome === "confirmed" || line.outcome === "staged") {
    return ending(spec, line, step, undefined, rebootOf);
  }
  // Read again over a fresh connection: what runs now, and that the host can be reached after its way back.
  const now =
    (await ask(spec, tools, perform, 0)) ?? (spec.managed ? undefined : await ask(spec, tools, perform, 1));
  return ending(spec, line, step, now, rebootOf);
}
