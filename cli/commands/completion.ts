import { Argument, type Command } from "commander";
import { SHELLS, type Shell } from "../completion/shells.ts";
import { addNotes } from "../notes.ts";
import { ROOT } from "../root.ts";

export function addCompletion(program: Command): void {
  const command = program
    .command("completion")
    .description("print the completion script of a shell")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .action(async (shell: Shell) => {
      const { completionScript } = await import("../completion/scripts.ts");
      process.stdout.write(completionScript(shell));
    });
  addNotes(
    command,
    `To use it from now on:
  bash  tools/pantheros completion bash >~/.local/share/bash-completion/completions/pantheros
  zsh   tools/pantheros completion zsh >DIRECTORY/_pantheros, where fpath has the directory
  fish  tools/pantheros completion fish >~/.config/fish/completions/pantheros.fish
The script asks the command that is being typed, so it fits every checkout: tools/pantheros as well
as pantheros.`,
  );

  program
    .command("__complete", { hidden: true })
    .argument("[word...]")
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { printCandidates } = await import("../completion/complete.ts");
      await printCandidates(program, words, ROOT);
    });
}
