/** Commands that the stack's program runs to read something: bounded in time and in the size of the output. */
import { type Command, type CommandResult, runProcess, stopAll } from "./runner.ts";

export type Query = Required<Pick<Command, "argv" | "timeoutSeconds" | "maxOutputBytes">> &
  Pick<Command, "ownGroup" | "env" | "takesLine">;

export function runQuery(query: Query): Promise<CommandResult> {
  // Commands with a process group of their own must end with the program; one listener serves all of them.
  process.off("exit", stopAll);
  process.on("exit", stopAll);
  return runProcess(query);
}
