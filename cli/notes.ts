/** Text after a command's options, in its `--help` and in the manual page. */
import type { Command } from "commander";

const NOTES = new WeakMap<Command, string>();

export function addNotes(command: Command, notes: string): void {
  NOTES.set(command, notes);
  command.addHelpText("after", `\n${notes}`);
}

export const notesOf = (command: Command): string | undefined => NOTES.get(command);
