import type { Command } from "commander";
import { addNotes } from "../notes.ts";
import { configFileOption, stackOption } from "../options.ts";
import { ROOT } from "../root.ts";
import { type StackOptions, stackName } from "../stack/name.ts";

export function addRecover(program: Command): void {
  const command = program
    .command("recover")
    .description("make a stack's state agree with the vendors after a run that was killed or lost an answer")
    .addOption(stackOption())
    .addOption(configFileOption())
    .action(async (options: StackOptions) => {
      const { recover } = await import("../../tools/recovery/recover.ts");
      const { full, file, isOwnFile } = stackName(options, {
        env: process.env,
        root: ROOT,
        cwd: process.cwd(),
      });
      process.chdir(ROOT);
      process.exitCode = await recover({
        search: true,
        options: ["--stack", full, ...(isOwnFile ? ["--config-file", file] : [])],
      });
    });
  addNotes(
    command,
    `It finds objects at the vendors that such a run left, by name and label, and adopts them. It removes
1Password items from the state that were deleted by hand, so that the next \`up\` makes them again.
It needs the vendors' tokens, as \`up\` does.`,
  );
}
