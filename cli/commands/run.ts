import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { addNotes } from "../notes.ts";
import { jsonOption, onOption, SELECTION_NOTES } from "../options.ts";
import { ROOT } from "../root.ts";

const NOTES = `Without --on it is the same as tools/pulumi with these options. With it, only the selected hosts are
evaluated, asked, built and deployed to. The others keep their systems, results and outputs, and the
verdict lists them as "not selected". What belongs to no host's system (DNS records, buckets,
firewalls, the tailnet's policy) follows the inventory as in every run; a server that is not
selected is neither resized nor powered on. A host of an earlier wave that is not selected counts
with its last result. A run is refused when a host that is not selected is new, renamed or not
installed, or leaves the stack.

${SELECTION_NOTES}`;

const WRITE_NOTES = `With --write it prints a summary instead, and writes everything to the file as data: changes of
objects at vendors, what happens to each host and why, policies, costs. The file has no secret and
no time, so two previews of one commit are equal. tools/pantheros comment renders it.`;

const checkSelection = (on: string | undefined): void => {
  if (on?.trim() === "") throw new UsageError("--on needs a selection");
};

/** Adds `preview` and `up`: the Pulumi CLI's commands for selected hosts. */
export function addRuns(program: Command): void {
  const preview = program
    .command("preview")
    .description("show what a run would change and why, for a whole stack or for selected hosts")
    .argument("[options...]", "options of `pulumi preview`, such as --stack or --refresh")
    .addOption(onOption())
    .option("--write <file>", "write the preview to a JSON file, and print a summary")
    .addOption(jsonOption())
    .allowUnknownOption()
    .action(async (words: string[], { on, write, json }: { on?: string; write?: string; json?: boolean }) => {
      checkSelection(on);
      if (write !== undefined) {
        const { writePreview } = await import("../preview/write.ts");
        process.exitCode = await writePreview({ words, on, file: write, json: json ?? false, root: ROOT });
        return;
      }
      const { runPulumi } = await import("../run.ts");
      process.exitCode = await runPulumi(["preview", ...(json ? ["--json"] : []), ...words], on, ROOT);
    });
  addNotes(preview, `${WRITE_NOTES}\n\n${NOTES}`);
  const up = program
    .command("up")
    .description("deploy a whole stack, or selected hosts")
    .argument("[options...]", "options of `pulumi up`, such as --stack or --yes")
    .addOption(onOption())
    .allowUnknownOption()
    .action(async (words: string[], { on }: { on?: string }) => {
      checkSelection(on);
      const { runPulumi } = await import("../run.ts");
      process.exitCode = await runPulumi(["up", ...words], on, ROOT);
    });
  addNotes(up, NOTES);
}
