import { type ChildProcess, spawn } from "node:child_process";
import type { ProcessEnd } from "./program.ts";

/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE_MS = 5_000;

const running = new Set<ChildProcess>();

/**
 * Runs node and waits for its end. Its output goes directly to the engine's pipes; nothing is buffered here,
 * so nothing is lost or reordered when the program is killed. Rejects when node cannot be started.
 */
export function runNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  aborted: AbortSignal,
): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
    const abort = () => terminate(child);
    running.add(child);
    aborted.addEventListener("abort", abort, { once: true });
    if (aborted.aborted) abort();
    const finish = () => {
      running.delete(child);
      aborted.removeEventListener("abort", abort);
    };
    child.once("error", (error) => {
      finish();
      reject(new Error(`cannot start ${process.execPath}: ${error.message}`));
    });
    child.once("exit", (code, signal) => {
      finish();
      resolve(code === null ? { signal: signal ?? "an unknown signal" } : { code });
    });
  });
}

/** Ends every running program, first with SIGTERM; resolves when all have ended. */
export async function terminateAll(): Promise<void> {
  const ends = [...running].map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of running) terminate(child);
  await Promise.all(ends);
}

function terminate(child: ChildProcess): void {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  child.once("exit", () => clearTimeout(timer));
}
