import type { Command } from "commander";
import type { BudgetsOptions } from "../budgets/budgets.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, onOption, SELECTION_NOTES, stackOption } from "../options.ts";
import { ROOT } from "../root.ts";

export function addBudgets(program: Command): void {
  const command = program
    .command("budgets")
    .description("show the limits of the inventory beside what was measured")
    .addOption(stackOption())
    .addOption(onOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: BudgetsOptions) => {
      const { budgets } = await import("../budgets/budgets.ts");
      process.exitCode = await budgets(options, ROOT);
    });
  addNotes(
    command,
    `The limits are [budgets] of the inventory. Deploys are those of the last run, from a host's
activation to its confirmation. Memory and processor time are measured by the control centre's page
and by make bench. No host is asked. Exit code 3: a limit is exceeded.

${SELECTION_NOTES}`,
  );
}
