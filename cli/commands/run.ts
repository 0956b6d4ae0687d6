import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { addNotes } from "../notes.ts";
import { onOption, SELECTION_NOTES } from "../options.ts";
import { ROOT } from "../root.ts";

const NOTES = `Without --on it is the same as tools/pulumi with these options. With it, only the selected hosts are
evaluated, asked, built and deployed to. The others keep their systems, results and outputs, and the
verdict lists them as "not selected". What belongs to no host's system (DNS records, buckets,
firewalls, the tailnet's policy) follows the inventory as in every run; a server that is not
selected is neither resized nor powered on. A host of an earlier wave that is not selected counts
with its last result. A run is refused when a host that is not selected is new, renamed or not
installed, or leaves the stack.

${SELECTION_NOTES}`;

/** Adds `preview` and `up`: the Pulumi CLI's commands for selected hosts. */
export function addRuns(program: Command): void {
  for (const [name, description] of [
    ["preview", "show what a run would change and why, for a whole stack or for selected hosts"],
    ["up", "deploy a whole stack, or selected hosts"],
  ] as const) {
    const command = program
      .command(name)
      .description(description)
      .argument("[options...]", `options of \`pulumi ${name}\`, such as --stack or --yes`)
      .addOption(onOption())
      .allowUnknownOption()
      .action(async (words: string[], { on }: { on?: string }) => {
        if (on?.trim() === "") throw new UsageError("--on needs a selection");
        const { runPulumi } = await import("../run.ts");
        process.exitCode = await runPulumi([name, ...words], on, ROOT);
      });
    addNotes(command, NOTES);
  }
}
