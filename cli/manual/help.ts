/**
 * The help of all commands in one file. tools/pantheros prints a section of it for `--help` before
 * node_modules exists.
 */
import { createProgram, visibleCommands } from "../program.ts";

const HELP_WIDTH = 100;

/** Marks the start of a section; tools/pantheros searches for it. */
const MARK = "@@";

/**
 * Full name of a command -> its `--help` at a fixed width, without colours. The program's own name
 * is empty.
 */
export function helpTexts(): ReadonlyMap<string, string> {
  let text = "";
  const program = createProgram({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => HELP_WIDTH,
    getOutHasColors: () => false,
  });
  return new Map(
    visibleCommands(program).map(({ names, command }) => {
      text = "";
      command.outputHelp();
      return [names.join(" "), text];
    }),
  );
}

/** For each command a line `@@ NAME` and its help. The program's own name is empty. */
export const helpFile = (): string =>
  [...helpTexts()].map(([name, text]) => `${MARK} ${name}`.trimEnd().concat("\n", text)).join("");
