import type { Command } from "commander";
import type { ExecOptions } from "../exec/exec.ts";
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
import { keyOption, LOGIN_NOTES, userOption } from "../stack/login.ts";

export function addExec(program: Command): void {
  const command = program
    .command("exec")
    .description("run a command on all hosts of a stack, or on selected ones, with your own account")
    .argument("<command...>", "the command and its arguments, after --")
    .addOption(onOption())
    .addOption(stackOption())
    .addOption(userOption())
    .addOption(keyOption())
    .option("--parallel <n>", "hosts at the same time", wholeNumber(1, 256), 16)
    .option("--timeout <seconds>", "time after which the command is ended", wholeNumber(1, 86_400), 60)
    .addOption(jsonOption())
    .addOption(configFileOption())
    .passThroughOptions()
    .action(async (words: string[], options: Omit<ExecOptions, "command">) => {
      const { exec } = await import("../exec/exec.ts");
      process.exitCode = await exec({ ...options, command: words }, ROOT);
    });
  addNotes(
    command,
    `Each word is quoted for the host's shell, so \`exec -- echo '$HOME; reboot'\` prints that text. For a
pipe or a variable of the host, start a shell: exec -- sh -c 'df -h / | tail -1'.
${LOGIN_NOTES}
Each line begins with the host's name; control characters are removed, and of each stream the last
256 kB are kept. With one host the exit code is the command's, with several 1 when one has failed.

${SELECTION_NOTES}`,
  );
}
