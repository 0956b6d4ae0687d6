/** Short commands of the Pulumi CLI. They need the environment from tools/pantheros. */
import { runProcess } from "../../deployer/process/runner.ts";

const QUERY_SECONDS = 120;
const MAX_OUTPUT_BYTES = 2 ** 28;

/**
 * Runs a command of the CLI that does not deploy, and returns its standard output.
 * @throws Error with the command and what it printed.
 */
export async function pulumiQuery(argv: readonly string[]): Promise<string> {
  const { exitCode, timedOut, stdout, stderr } = await runProcess({
    argv: ["pulumi", ...argv, "--non-interactive", "--color", "never"],
    timeoutSeconds: QUERY_SECONDS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  if (exitCode === 0) return stdout;
  const ending = timedOut ? `not finished after ${QUERY_SECONDS} s` : `exit code ${exitCode}`;
  throw new Error(`pulumi ${argv.slice(0, 2).join(" ")}: ${`${stdout}${stderr}`.trim() || ending}`);
}
