/** The targets of `[budgets.recovery.*]` beside the last rehearsals. */
import type { Budgets } from "../../status/budgets.ts";
import type { Rehearsal } from "../rehearsals.ts";

export interface RecoveryLine {
  /** Key of `[budgets.recovery]`, and name of the runbook. */
  readonly name: string;
  /** Absent: the inventory has no target. */
  readonly target?: { readonly seconds: number; readonly lossHours: number };
  /** Absent: never rehearsed. */
  readonly last?: Omit<Rehearsal, "name">;
}

/** `missed`: the last rehearsal failed, or took longer than the target. */
export type RecoveryState = "passed" | "missed" | "never rehearsed";

export function recoveryState({ target, last }: RecoveryLine): RecoveryState {
  if (last === undefined) return "never rehearsed";
  return last.passed && (target === undefined || last.seconds <= target.seconds) ? "passed" : "missed";
}

const RANK: readonly RecoveryState[] = ["missed", "never rehearsed", "passed"];

/** One line for each target, and for each rehearsal without one; those that need attention first. */
export function recoveryLines(budgets: Budgets | undefined, results: readonly Rehearsal[]): RecoveryLine[] {
  const targets = Object.entries(budgets?.recovery ?? {});
  const byName = new Map(results.map(({ name, ...last }) => [name, last]));
  const known = new Set(targets.map(([name]) => name));
  const lines: RecoveryLine[] = [
    ...targets.map(([name, { withinMinutes, lossHours }]) => {
      const last = byName.get(name);
      return {
        name,
        target: { seconds: withinMinutes * 60, lossHours },
        ...(last !== undefined && { last }),
      };
    }),
    ...[...byName].filter(([name]) => !known.has(name)).map(([name, last]) => ({ name, last })),
  ];
  return lines.sort((a, b) => RANK.indexOf(recoveryState(a)) - RANK.indexOf(recoveryState(b)));
}
