/** Runs of the program through tools/pulumi, for all hosts or for selected ones. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";

/**
 * Runs `tools/pulumi` on this terminal; its exit code.
 * @param on the selection, which the program reads from PANTHEROS_ON: it is of one run, so the stack's file does not have it
 */
export function runPulumi(words: readonly string[], on: string | undefined, root: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(root, "tools/pulumi"), words, {
      stdio: "inherit",
      env: { ...process.env, ...(on !== undefined && { PANTHEROS_ON: on }) },
    });
    // The terminal sends Ctrl-C to the child too: only wait for its end. A SIGTERM reaches this process alone.
    const wait = () => {};
    const pass = () => child.kill("SIGINT");
    process.on("SIGINT", wait).on("SIGTERM", pass);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", wait).off("SIGTERM", pass);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
