/** The help of every command in one file, for `--help` before node_modules exists: tools/pantheros prints a section of it. */
import { createProgram, visibleCommands } from "../program.ts";

const HELP_WIDTH = 100;

/** Starts a section; tools/pantheros searches for it. */
const MARK = "@@";

/** The help of a command as `--help` prints it on a terminal of a fixed width, without colours. */
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

/** A line \`@@ NAME\`, then the help of that command; the program itself has no name. */
export const helpFile = (): string =>
  [...helpTexts()].map(([name, text]) => `${MARK} ${name}`.trimEnd().concat("\n", text)).join("");
