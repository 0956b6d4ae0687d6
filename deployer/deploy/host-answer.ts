/** Checks a host's answer: its form, and whether it is about this deploy. */
import { oneLine } from "../../lib/sanitize.ts";
import type { CommandResult } from "../process/runner.ts";
import { type Answer, readAnswer, TOO_LONG } from "../protocol/answer.ts";
import {
  type SupervisorStatus,
  supervisorStatus,
  type VerbResult,
  verbResult,
} from "../protocol/supervisor.ts";
import type { DeploySpec } from "./spec.ts";

/** `invalid`: why the answer cannot be used. With neither key the host did not answer, or the connection was lost. */
export interface HostReply<T> {
  readonly reply?: T;
  readonly invalid?: string;
}

function replyOf<T>(ran: CommandResult, what: string, answer: Answer<T> | undefined): HostReply<T> {
  if (ran.tooLong) return { invalid: TOO_LONG };
  if (answer === undefined) return {};
  if ("value" in answer) return { reply: answer.value };
  const connectionLost = ran.timedOut || ran.exitCode === null || ran.exitCode === 255;
  return answer.cut && connectionLost
    ? {}
    : { invalid: `the host's answer is not ${what}: ${answer.problem}` };
}

export const resultReply = (ran: CommandResult): HostReply<VerbResult> =>
  replyOf(ran, "a result", readAnswer(verbResult, ran.stdout));

export const statusReply = (ran: CommandResult): HostReply<SupervisorStatus> =>
  replyOf(ran, "a status", readAnswer(supervisorStatus, ran.stdout));

type Ours = Pick<DeploySpec, "token" | "outPath">;

/** How an answer differs from this deploy; undefined when it does not. `attempt`: the host's id of this one, if known. */
function difference({ token, outPath }: Ours, answer: VerbResult, attempt: string | undefined) {
  const { outcome } = answer;
  if (answer.token != null && answer.token !== token)
    return `its token is ${answer.token}, this deploy's is ${token}`;
  if (attempt !== undefined && answer.attempt != null && answer.attempt !== attempt) {
    return `it is about attempt ${answer.attempt}, this deploy's is ${attempt}`;
  }
  if (outcome === "confirmed" && answer.token == null) return "without a token";
  if (outcome === "confirmed" && answer.running !== outPath) {
    return `it runs ${answer.running ?? "an unknown system"} instead of ${outPath}`;
  }
  const named = outcome === "staged" ? (answer.wanted ?? "an unknown system") : answer.wanted;
  if (named != null && named !== outPath) return `it is about ${named} instead of ${outPath}`;
  return undefined;
}

/** Why an answer cannot be about this deploy; undefined when it can. */
export function mismatch(spec: Ours, answer: VerbResult, attempt: string | undefined): string | undefined {
  const wrong = difference(spec, answer, attempt);
  return wrong && `the host answered "${answer.outcome}", but ${wrong}`;
}

/** Outcome and reason of an answer as one line, for messages. */
export const describeResult = ({ outcome, reason }: VerbResult): string =>
  `${outcome}${reason == null ? "" : `: ${oneLine(reason, 200)}`}`;
