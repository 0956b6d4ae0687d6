/** A question that the program itself asks. What a deploy runs has another life, see deploy/runner.ts. */
import { execFile } from "node:child_process";
import type { Ran } from "./deploy/runner.ts";

/** Bytes of one stream; a command that says more is ended. */
const maxBuffer = 2 ** 28;

/** Runs one command, bounded, in the program's process group: it ends with the program. */
export function runChild(argv: readonly string[], timeoutSeconds: number): Promise<Ran> {
  const [program = "", ...words] = argv;
  const options = { env: process.env, encoding: "utf8", maxBuffer, timeout: timeoutSeconds * 1000 } as const;
  return new Promise((resolve) => {
    const child = execFile(program, words, { ...options, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      const timedOut = error?.killed === true && error.code === null;
      const neverBegan = error !== null && exitCode === null && !timedOut ? error.message : "";
      process.off("exit", end);
      resolve({ exitCode, timedOut, stdout, stderr: stderr || neverBegan });
    });
    const end = () => child.kill("SIGKILL");
    process.setMaxListeners(0); // one for each child
    process.once("exit", end);
    child.stdin?.on("error", () => {}).end();
  });
}
