/** Entry point of `tools/pantheros`; program.ts defines the commands. */
import { CommanderError } from "commander";
import { EXIT_FAILED, EXIT_USAGE, UsageError } from "./exit-codes.ts";
import { createProgram } from "./program.ts";

// `pantheros status | head -1` closes the pipe before all output is written.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reported(error);
}

/** Prints an error that is not printed yet, and returns the exit code. */
function reported(error: unknown): number {
  // commander has already printed its message or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  // Expected errors carry a complete message; only a bug needs a stack trace.
  const isBug = !(error instanceof Error) || error instanceof TypeError || error instanceof RangeError;
  console.error(isBug ? error : `pantheros: ${error.message}`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}
