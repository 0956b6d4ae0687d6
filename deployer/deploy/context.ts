/** What the parts of one deploy share. Data goes down in the context; each part returns an outcome or what it made. */
import type { CommandResult, Runner } from "../process/runner.ts";
import type { DeployResult } from "../protocol/result.ts";
import type { DeploySpec } from "./spec.ts";
import type { RunnerFiles, Step } from "./steps.ts";

/** Everything outside the deploy's own logic, injected so that tests can replace it. */
export interface DeployTools {
  readonly run: Runner;
  readonly files: RunnerFiles;
  /** Whether a path exists on the runner. */
  readonly exists: (path: string) => boolean;
  /** Reads a file in the deploy's directory. */
  readonly read: (path: string) => string;
  /** Writes the secret half of the host's own signing key into that directory and returns its path. @throws BuildKeyError */
  readonly hostKeyFile: (spec: DeploySpec) => string;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Prints a line of progress. */
  readonly progress: (line: string) => void;
}

/** How a deploy ended, without what every result has. */
export type Outcome = Omit<DeployResult, "schemaVersion" | "host" | "token" | "seconds">;

export interface DeployContext extends DeployTools {
  readonly spec: DeploySpec;
  readonly runStep: (step: Step) => Promise<CommandResult>;
  /** Problems that did not stop the deploy; they become part of its result. */
  readonly warnings: string[];
  /** Seconds that each step took so far. */
  readonly seconds: Record<string, number>;
}

/** `announce` prints a step's progress; a step that is repeated, such as a poll, is printed once. */
export function deployContext(
  spec: DeploySpec,
  tools: DeployTools,
  announce = (step: Step): string => `${spec.host}: ${step.name}`,
): DeployContext {
  const seconds: Record<string, number> = {};
  const runStep = async (step: Step): Promise<CommandResult> => {
    const begin = tools.now();
    if (seconds[step.name] === undefined) tools.progress(announce(step));
    const result = await tools.run(step);
    const took = (tools.now() - begin) / 1000;
    seconds[step.name] = Math.round(((seconds[step.name] ?? 0) + took) * 10) / 10;
    return result;
  };
  return { ...tools, spec, runStep, warnings: [], seconds };
}
