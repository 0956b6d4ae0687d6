/** Errors of an evaluation, made from Nix's output. */
import { RunError } from "../../lib/run-error.ts";
import { printable, quoted } from "../../lib/sanitize.ts";
import type { CommandResult } from "../process/runner.ts";
import { shellWord } from "../ssh.ts";
import type { EvaluationFailure } from "./target.ts";

export type FailedCommand = Pick<CommandResult, "exitCode" | "timedOut" | "stderr">;

const commandText = (argv: readonly string[]): string => argv.map(shellWord).join(" ");

/**
 * The evaluation failed for all hosts: the flake has no `deployTargets` that can be read, or Nix
 * did not run.
 */
export class EvaluationError extends RunError {
  constructor(flake: string, argv: readonly string[], failed: FailedCommand) {
    const { exitCode, timedOut, stderr } = failed;
    const how = timedOut ? "did not finish in time" : `failed (exit ${exitCode ?? "unknown"})`;
    super(
      `evaluating the flake ${how}: ${flake}\n${quoted(relevantLines(stderr))}\n${evaluationHint(failed)}\ncommand: ${commandText(argv)}`,
    );
  }
}

/** One host's failure. @param argv command that shows the error without this program */
export function hostFailure(argv: readonly string[], failed: FailedCommand): EvaluationFailure {
  const { exitCode, timedOut, stderr } = failed;
  const nixError = relevantLines(stderr);
  const ended = exitCode === null ? "Nix was killed" : nixError;
  return {
    command: commandText(argv),
    ...(exitCode !== null && { exitCode }),
    reason: timedOut ? "the evaluation did not finish in time" : ended,
    hint: evaluationHint(failed).replace(/^hint: /, ""),
  };
}

/** The cause in Nix's output: at most 25 lines from the last `error:` on, without the trace. */
export function relevantLines(stderr: string): string {
  const lines = printable(stderr)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const last = lines.findLastIndex((line) => /^\s*error:/.test(line));
  return (last < 0 ? lines.slice(-25) : lines.slice(last, last + 25)).join("\n");
}

/** Whether Nix ran out of memory: it printed this error, or it was killed, as by the kernel. */
export const isOutOfMemory = ({ exitCode, timedOut, stderr }: FailedCommand): boolean =>
  !timedOut && (exitCode === null || /^\s*error: out of memory$/m.test(stderr));

function evaluationHint(failed: FailedCommand): string {
  const { timedOut } = failed;
  // Without the trace, which contains the expression of this program and could match below.
  const stderr = relevantLines(failed.stderr);
  if (/spawn nix ENOENT/.test(stderr)) {
    return "hint: Nix is not on PATH: install it, or run `make setup` for the sandbox";
  }
  if (timedOut) return "hint: [deploy.seconds] evaluate in fleet.toml is the limit for all hosts together";
  if (/deployTargets has no host/.test(stderr)) {
    return "hint: a host of fleet.toml has no configuration in the flake: add nix/hosts/HOST";
  }
  if (/untracked|not tracked by Git/.test(stderr))
    return "hint: a flake contains only files that Git tracks: `git add` the new ones";
  if (isOutOfMemory(failed)) {
    return "hint: raise pantheros:evaluationMemoryMb, or set PANTHEROS_EVALUATION_WORKERS=1 so that one host has all of it";
  }
  return "hint: run the command below without Pulumi; --show-trace adds the trace";
}
