import { runProcess } from "../../deployer/process/runner.ts";

const TIMEOUT_SECONDS = 120;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The JSON value of a Nix evaluation, which `args` describes. */
export async function instantiate(...args: readonly string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await runProcess({
    argv: ["nix-instantiate", "--eval", "--strict", "--json", ...args],
    timeoutSeconds: TIMEOUT_SECONDS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  if (exitCode !== 0) throw new Error(`nix-instantiate: ${stderr || `exit code ${exitCode}`}`);
  return JSON.parse(stdout);
}
