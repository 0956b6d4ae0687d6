/** A question that the program itself asks: one command, bounded in time and size. */
import { type Command, type CommandResult, runProcess, stopAll } from "./runner.ts";

/** `maxOutputBytes`: of its answer; a command that says more is ended. */
export type Query = Required<Pick<Command, "argv" | "timeoutSeconds" | "maxOutputBytes">> &
  Pick<Command, "ownGroup">;

export function runQuery(question: Query): Promise<CommandResult> {
  // What has a process group of its own ends with the program too; one listener, however many questions.
  process.off("exit", stopAll);
  process.on("exit", stopAll);
  return runProcess(question);
}
