import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import {
  configFileOption,
  jsonOption,
  onOption,
  SELECTION_NOTES,
  stackOption,
  wholeNumber,
} from "../options.ts";
import { ROOT } from "../root.ts";
import type { StatusOptions } from "../status/status.ts";

/** Default limit of a host's answer, in seconds; short, so that a dead host delays the command little. */
const ANSWER_SECONDS = 3;

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("show what each host of a stack runs and whether it needs attention, the worst first")
    .addOption(stackOption())
    .addOption(onOption())
    .option("--no-ask", "show the last run's outputs only; connect to no host")
    .option("--timeout <seconds>", "time in which a host has to answer", wholeNumber(1, 600), ANSWER_SECONDS)
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
