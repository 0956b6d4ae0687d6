import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import {
  configFileOption,
  jsonOption,
  onOption,
  SELECTION_NOTES,
  stackOption,
  timeoutOption,
  wholeNumber,
} from "../options.ts";
import { ROOT } from "../root.ts";
import type { WatchOptions } from "../watch/watch.ts";

/** A status costs a host 0.15 s of processor time (measured in the sandbox). */
const INTERVAL_SECONDS = 5;

export function addWatch(program: Command): void {
  const command = program
    .command("watch")
    .description("show the status of a stack's hosts, and repaint it until q or Ctrl-C")
    .addOption(stackOption())
    .addOption(onOption())
    .option("--no-ask", "show the last run's outputs only; connect to no host")
    .option("--interval <seconds>", "time between two reads", wholeNumber(1, 3600), INTERVAL_SECONDS)
    .option("--count <n>", "end after this number of reads", wholeNumber(1, 1_000_000))
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (options: WatchOptions) => {
      const { watch } = await import("../watch/watch.ts");
      process.exitCode = await watch(options, ROOT);
    });
  addNotes(
    command,
    `In a terminal it repaints in place, the worst host first, and fits what the window holds. Elsewhere
it prints the time and the whole status after each read; with --json one line of JSON for each.
When a read fails, the picture of before stays and the last line says why.

${SELECTION_NOTES}`,
  );
}
