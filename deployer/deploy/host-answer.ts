/** What a host's answer is worth to a deploy: its form, and whether it is about this deploy at all. */

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

/** `reply`: what the host answered; `invalid`: why that cannot be used. Neither: it did not answer, or the connection was lost meanwhile. */
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

/** What of a line does not belong to this deploy; undefined: it all does. `attempt`: what the host called this one, where it said so. */
function difference({ token, outPath }: Ours, line: VerbResult, attempt: string | undefined) {
  const { outcome } = line;
  if (line.token != null && line.token !== token)
    return `its token is ${line.token}, and this deploy's ${token}`;
  if (attempt !== undefined && line.attempt != null && line.attempt !== attempt) {
    return `it is about attempt ${line.attempt}, and this deploy's is ${attempt}`;
  }
  if (outcome === "confirmed" && line.token == null) return "without a token";
  if (outcome === "confirmed" && line.running !== outPath) {
    return `what runs is ${line.running ?? "not said"}, and wanted is ${outPath}`;
  }
  const named = outcome === "staged" ? (line.wanted ?? "not said") : line.wanted;
  if (named != null && named !== outPath) return `it is about ${named}, and wanted is ${outPath}`;
  return undefined;
}

/** Why a line is not believed. */
export function mismatch(spec: Ours, line: VerbResult, attempt: string | undefined): string | undefined {
  const wrong = difference(spec, line, attempt);
  return wrong && `the host says "${line.outcome}", but ${wrong}`;
}

/** A line or a status, for a person: what a host said last. */
export const describeResult = ({ outcome, reason }: VerbResult): string =>
  `${outcome}${reason == null ? "" : `: ${oneLine(reason, 200)}`}`;
