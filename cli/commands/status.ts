import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import {
  configFileOption,
  jsonOption,
  onOption,
  SELECTION_NOTES,
  stackOption,
  timeoutOption,
} from "../options.ts";
import { ROOT } from "../root.ts";
import type { StatusOptions } from "../status/status.ts";

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("show what each host of a stack runs and whether it needs attention, the worst first")
    .addOption(stackOption())
    .addOption(onOption())
    .option("--no-ask", "show the last run's outputs only; connect to no host")
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: StatusOptions) => {
      const { status } = await import("../status/status.ts");
      process.exitCode = await status(options, ROOT);
    });
  addNotes(
    command,
    `It reads the outputs of the last run and asks the hosts at the same time, with the key
PANTHEROS_SSH_KEY. A key that may only read the status is enough. Nothing is evaluated, built or
changed. Exit code 3: a required host needs attention.

${SELECTION_NOTES}`,
  );
}
