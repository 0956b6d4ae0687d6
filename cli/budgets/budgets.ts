/** `pantheros budgets`: the limits of the inventory beside what was measured. */
import { isOver } from "../../status/budgets.ts";
import { EXIT_ATTENTION, EXIT_OK } from "../exit-codes.ts";
import type { StackOptions } from "../stack/name.ts";
import { readFleet } from "../status/status.ts";
import { terminalWidth } from "../terminal.ts";
import { budgetsOf } from "./answer.ts";
import { budgetsText } from "./text.ts";

export interface BudgetsOptions extends StackOptions {
  /** A selection, as in inventory/selection.ts. */
  readonly on?: string | undefined;
  readonly json?: boolean;
}

/** Prints the limits and returns the exit code. */
export async function budgets({ json, ...options }: BudgetsOptions, root: string): Promise<number> {
  const fleet = await readFleet({ ...options, ask: false, timeout: 1 }, root);
  // Node counts from its own start, so the wrapper's shell is not in it.
  const answer = budgetsOf(fleet, Math.round(performance.now()) / 1000);
  process.stdout.write(
    json ? `${JSON.stringify(answer, undefined, 2)}\n` : budgetsText(answer, terminalWidth()),
  );
  return [...answer.management, ...answer.deploys].some(isOver) ? EXIT_ATTENTION : EXIT_OK;
}
