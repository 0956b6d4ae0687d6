/** A question that the program itself asks: one command, bounded in time and size. */
import { type Command, type Ran, runProcess, stopAll } from "./runner.ts";

/** `mostBytes`: of its answer; a command that says more is ended. */
export type Question = Required<Pick<Command, "argv" | "timeoutSeconds" | "mostBytes">> &
  Pick<Command, "ownGroup">;

export function runChild(question: Question): Promise<Ran> {
  // What has a process group of its own ends with the program too; one listener, however many questions.
  process.off("exit", stopAll);
  process.on("exit", stopAll);
  return runProcess(question);
}
