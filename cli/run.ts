/** Runs tools/pulumi for all hosts or for selected ones. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";

/**
 * Runs `tools/pulumi` on this terminal and returns its exit code.
 * @param on the selection. It applies to one run only, so it is passed as PANTHEROS_ON and not in
 *   the stack's file.
 */
export function runPulumi(words: readonly string[], on: string | undefined, root: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(root, "tools/pulumi"), words, {
      stdio: "inherit",
      env: { ...process.env, ...(on !== undefined && { PANTHEROS_ON: on }) },
    });
    // Ctrl-C reaches the child through the terminal, so this process only waits for its end.
    // SIGTERM reaches this process alone and is passed on.
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
