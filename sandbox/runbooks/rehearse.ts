/** One rehearsal: breaks a thing, does the runbook's steps, and checks until everything is restored. */

import { wholeDuration } from "../../lib/duration.ts";
import { messageOf } from "../../lib/message-of.ts";
import { sandboxLine, sandboxText } from "./lines.ts";
import type { RehearsalResult } from "./result.ts";
import type { Runbook, World } from "./types.ts";

export interface RehearsalContext {
  readonly world: World;
  /** Prints a line for the person who watches. */
  readonly print: (line: string) => void;
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** Waits between two checks. */
  readonly pause: () => Promise<void>;
  /** Milliseconds in which the check must find everything restored after the last step. */
  readonly settleMs: number;
  readonly targetSeconds: number | undefined;
  readonly commit: string | undefined;
}

/** Something is not restored, or the break broke nothing. */
class RehearsalError extends Error {}

/**
 * Rehearses one runbook. It never throws: a failure is a result that did not pass. The break counts only when the
 * check finds it, so a check that always passes fails the rehearsal.
 */
export async function rehearse(runbook: Runbook, context: RehearsalContext): Promise<RehearsalResult> {
  const { world, print, now, targetSeconds, commit } = context;
  let begun = now();
  let reason: string | undefined;
  try {
    await runbook.prepare?.(world);
    print(`break: ${runbook.broken}`);
    const lost = await runbook.breaks(world);
    begun = now();
    const found = await runbook.problems(world, lost);
    if (found.length === 0) throw new RehearsalError("the break broke nothing that the check looks at");
    for (const problem of found) print(`  ${problem}`);
    await doSteps(runbook, context);
    await settled(() => runbook.problems(world, lost), context);
  } catch (error) {
    reason = messageOf(error);
  }
  const seconds = Math.round((now() - begun) / 100) / 10;
  if (reason === undefined && targetSeconds !== undefined && seconds > targetSeconds)
    reason = `restored after ${wholeDuration(seconds)}, later than the target of ${wholeDuration(targetSeconds)}`;
  return {
    name: runbook.name,
    startedAt: new Date(begun).toISOString(),
    seconds,
    ...(targetSeconds !== undefined && { targetSeconds }),
    passed: reason === undefined,
    ...(commit !== undefined && { commit }),
    ...(reason !== undefined && { reason }),
  };
}

/** Does the steps in their order, and shows each as a person types it. */
async function doSteps(runbook: Runbook, { world, print }: RehearsalContext): Promise<void> {
  const values = { ...runbook.values, REPOSITORY: world.origin, CHECKOUT: world.checkout };
  for (const step of runbook.steps) {
    if (step.on === "console") {
      print(`# ${sandboxText(step, values)}`);
      await step.act(world);
      continue;
    }
    const line = sandboxLine(step, { values, checkout: world.checkout });
    if (line === undefined) continue;
    print(`$ ${line}`);
    await world.type(line);
  }
}

/** Checks until nothing is wrong. @throws RehearsalError with what is wrong at the end of the time */
async function settled(
  check: () => Promise<readonly string[]>,
  { now, pause, settleMs }: RehearsalContext,
): Promise<void> {
  const end = now() + settleMs;
  for (;;) {
    const problems = await check();
    if (problems.length === 0) return;
    if (now() >= end) throw new RehearsalError(`not restored: ${problems.join("; ")}`);
    await pause();
  }
}

/** The last line of a rehearsal. */
export function summaryOf({ name, seconds, targetSeconds, passed, reason }: RehearsalResult): string {
  const target =
    targetSeconds === undefined ? "the inventory has no target" : `target ${wholeDuration(targetSeconds)}`;
  return passed
    ? `${name}: restored in ${wholeDuration(seconds)} (${target})`
    : `${name}: FAILED after ${wholeDuration(seconds)} (${target}): ${reason}`;
}
