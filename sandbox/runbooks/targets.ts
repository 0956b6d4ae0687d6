/** The targets of `[budgets.recovery.*]`; each is of the runbook of its name. */
import type { Inventory } from "../../inventory/schema.ts";

/** Keys of `[budgets.recovery.*]` that need no runbook, with the reason. */
export const WITHOUT_RUNBOOK: Readonly<Record<string, string>> = {};

export interface Target {
  readonly seconds: number;
  readonly lossHours: number;
}

export function targetOf({ budgets }: Pick<Inventory, "budgets">, key: string): Target | undefined {
  const found = budgets?.recovery[key];
  return found === undefined ? undefined : { seconds: found.withinMinutes * 60, lossHours: found.lossHours };
}
