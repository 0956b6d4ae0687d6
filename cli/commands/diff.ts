import type { Command } from "commander";
import type { DiffOptions } from "../diff/diff.ts";
import { addNotes } from "../notes.ts";
import { configFileOption, jsonOption, stackOption, wholeNumber } from "../options.ts";
import { ROOT } from "../root.ts";

/** A large closure on a slow host takes seconds to list. */
const READ_SECONDS = 60;

export function addDiff(program: Command): void {
  const command = program
    .command("diff")
    .description("show what differs between two systems of a host: packages, sizes and units")
    .argument("<host>", "name of the host")
    .argument("[from]", "a system", "running")
    .argument("[to]", "a system", "wanted")
    .addOption(stackOption())
    .option("--timeout <seconds>", "time for everything that is read", wholeNumber(1, 600), READ_SECONDS)
    .addOption(jsonOption())
    .addOption(configFileOption())
    .action(
      async (host: string, from: string, to: string, options: Omit<DiffOptions, "host" | "from" | "to">) => {
        const { diff } = await import("../diff/diff.ts");
        process.exitCode = await diff({ ...options, host, from, to }, ROOT);
      },
    );
  addNotes(
    command,
    `A system is running, wanted (by the last run), boots, previous (committed before), pinned, the
number of a generation, or a store path. Closures are read from this computer's store, then the
cache, then the host; nothing is built or copied. What a new commit would change is the answer of
\`preview\`.
In the list, ~ is changed, + is new and - is gone. A host that does not answer is compared as far as
the last run's outputs go. For more than the status, PANTHEROS_SSH_KEY must be a deploy key.`,
  );
}
