import { type Command, Option } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";
import type { RunsOptions } from "../runs/runs.ts";

export function addRunHistory(program: Command): void {
  const command = program
    .command("runs")
    .description("list the recorded runs of a stack, or show one: its hosts, steps and errors")
    .argument("[run]", "a run's id, the start of one, or `last`")
    .option("-n, --lines <n>", "number of the newest runs", wholeNumber(1, 10_000), 20)
    .addOption(stackOption())
    .addOption(new Option("--state-directory <directory>", "directory of recorded runs"))
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(async (run: string | undefined, options: Omit<RunsOptions, "run">) => {
      const { runs } = await import("../runs/runs.ts");
      process.exitCode = runs({ ...options, run }, ROOT);
    });
  addNotes(
    command,
    `tools/pulumi and tools/pantheros record each up, preview, refresh and destroy on this computer. A
run that goes on shows the step of each host; one without an end was killed.`,
  );
}
