/** Acts on one host through `pantheros-operator`. A rollback is confirmed over a connection of its own, like a deploy. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { ActResult } from "../../../centre/acts/actor.ts";
import { hostLine, hostText, parseLine } from "../../../deployer/protocol/answer.ts";
import { supervisorStatus, verbResult } from "../../../deployer/protocol/supervisor.ts";
import { oneLine, printable } from "../../../lib/sanitize.ts";
import type { CallOperator, OperatorAnswer } from "./operator.ts";

/** Limits in seconds, from the inventory. */
export interface HostLimits {
  readonly connect: number;
  /** An activation with its health checks and, if it fails, the way back. */
  readonly activation: number;
  /** A reboot. */
  readonly reboot: number;
}

const POLL_MS = 3000;
const RESTART_SECONDS = 150;

/** What a host answered to a verb, in one line. */
function reasonOf({ stdout, trouble }: OperatorAnswer): string {
  if (trouble !== undefined) return oneLine(trouble, 500);
  const answer = parseLine(verbResult, stdout);
  if (answer === undefined) return `the host answered: ${oneLine(stdout, 200) || "nothing"}`;
  const { outcome, step, reason } = answer;
  const where = step == null ? "" : ` at ${step}`;
  return oneLine(`${outcome}${where}${reason == null ? "" : `: ${reason}`}`, 500);
}

/** The outcomes after which a confirmation decides. */
const WAITING: readonly string[] = ["waiting", "current", "rebooting"];

/**
 * Rolls a host back to the system that it ran before and confirms it.
 * @param wanted the system that it must be then, to which it is pinned
 */
export async function rollBackHost(
  call: CallOperator,
  wanted: string,
  limits: HostLimits,
): Promise<ActResult> {
  const token = randomUUID();
  const begun = await call(["rollback", token], limits.activation + limits.connect);
  const answer = parseLine(verbResult, begun.stdout);
  if (answer?.outcome === "staged")
    return {
      ok: true,
      detail: "staged: the system before boots at the next reboot, which this host waits for",
    };
  if (answer === undefined || !WAITING.includes(answer.outcome))
    return { ok: false, detail: reasonOf(begun) };
  if (answer.wanted != null && answer.wanted !== wanted)
    // Without a confirmation the host restores what it ran.
    return {
      ok: false,
      detail: `it went to ${answer.wanted} instead of the pinned system; it is not confirmed`,
    };
  const isRebooting = answer.outcome === "rebooting";
  const deadline = Date.now() + (isRebooting ? limits.reboot : 0) * 1000;
  for (;;) {
    const confirmed = await call(["confirm", token], limits.activation + limits.connect);
    const result = parseLine(verbResult, confirmed.stdout);
    if (result?.outcome === "confirmed")
      return { ok: true, detail: `confirmed: runs ${result.running ?? wanted}` };
    const isDecided = result !== undefined && result.outcome !== "refused";
    if (isDecided || Date.now() >= deadline) return { ok: false, detail: reasonOf(confirmed) };
    await sleep(POLL_MS);
  }
}

/** Confirms the system that waits for its confirmation. */
export async function confirmHost(call: CallOperator, limits: HostLimits): Promise<ActResult> {
  const asked = await call(["status"], limits.connect * 2);
  const status = parseLine(supervisorStatus, asked.stdout);
  if (status === undefined) return { ok: false, detail: reasonOf(asked) };
  const token = status.activation?.token;
  if (status.phase !== "waiting" || token == null)
    return { ok: false, detail: `no system waits for a confirmation (the supervisor is ${status.phase})` };
  const confirmed = await call(["confirm", token], limits.activation + limits.connect);
  const isConfirmed = parseLine(verbResult, confirmed.stdout)?.outcome === "confirmed";
  return { ok: isConfirmed, detail: reasonOf(confirmed) };
}

const restartAnswer = z.object({
  outcome: z.enum(["restarted", "failed", "refused"]),
  active: hostLine.nullable().optional(),
  reason: hostText.nullable().optional(),
});

export async function restartUnit(call: CallOperator, unit: string, limits: HostLimits): Promise<ActResult> {
  const answer = await call(["restart", unit], RESTART_SECONDS + limits.connect);
  const read = parseLine(restartAnswer, answer.stdout);
  if (read === undefined) return { ok: false, detail: reasonOf(answer) };
  if (read.outcome === "restarted")
    return { ok: true, detail: `${unit} was restarted and is ${read.active ?? "of unknown state"}` };
  return { ok: false, detail: oneLine(`${read.outcome}: ${read.reason ?? "no reason given"}`, 500) };
}

/** The last lines of a unit's journal. @throws Error when the host does not give them */
export async function unitJournal(call: CallOperator, unit: string, limits: HostLimits): Promise<string> {
  const answer = await call(["logs", unit], limits.connect * 2 + 10);
  if (answer.trouble === undefined && answer.exitCode === 0) return printable(answer.stdout);
  throw new Error(reasonOf(answer));
}
