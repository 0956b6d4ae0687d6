/** One host's deploy: build, sign, push, copy, activate, confirm; always a result, whatever happens on the way. */

import { lastLines } from "../../lib/sanitize.ts";
import type { CommandResult, Runner } from "../process/runner.ts";
import type { DeployResult } from "../protocol/result.ts";
import { converge } from "./activation.ts";
import { introduceHint } from "./closure.ts";
import { type DeploySpec, hostSigningKey, truncateNames } from "./spec.ts";
import type { RunnerFiles, Step } from "./steps.ts";
import { closeConnection, transferClosure } from "./transfer.ts";

/** The world outside: injected, so that tests have their own. */
export interface DeployTools {
  readonly run: Runner;
  readonly files: RunnerFiles;
  /** Whether a path is in the runner's file system. */
  readonly exists: (path: string) => boolean;
  /** The text of a file in the deploy's directory. */
  readonly read: (path: string) => string;
  /** Writes the secret half of the host's own key into that directory and names the file. @throws BuildKeyError */
  readonly hostKeyFile: (spec: DeploySpec) => string;
  /** Milliseconds that no clock change moves. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A line for a person who waits. */
  readonly progress: (line: string) => void;
}

export type Outcome = Omit<DeployResult, "schemaVersion" | "host" | "token" | "seconds">;

/** Runs a step with its progress and its time. */
export type Perform = (step: Step) => Promise<CommandResult>;

export async function deploy(spec: DeploySpec, tools: DeployTools): Promise<DeployResult> {
  const seconds: Record<string, number> = {};
  const perform: Perform = async (step) => {
    const begin = tools.now();
    if (seconds[step.name] === undefined) tools.progress(`${spec.host}: ${step.name}`); // a poll is told once
    const ran = await tools.run(step);
    const took = (tools.now() - begin) / 1000;
    seconds[step.name] = Math.round(((seconds[step.name] ?? 0) + took) * 10) / 10;
    return ran;
  };
  const ending = await run(spec, tools, perform);
  return { schemaVersion: 1, host: spec.host, ...ending, token: spec.token, seconds };
}

async function run(spec: DeploySpec, tools: DeployTools, perform: Perform): Promise<Outcome> {
  if (spec.refused !== undefined) return { outcome: "failed", step: "identity", reason: spec.refused };
  if (spec.heldBy.length > 0) {
    return { outcome: "held", step: "wave", reason: `waits for ${truncateNames(spec.heldBy).join(", ")}` };
  }
  const { failure, warnings } = await transferClosure(spec, tools, perform);
  const told = warnings.map((warning) => lastLines(warning));
  if (failure !== undefined) return { ...failure, ...(told.length > 0 ? { warnings: told } : {}) };
  const ending = await converge(spec, tools, perform);
  await closeConnection(spec, tools);
  const untrusted = ending.step === "signature" && hostSigningKey(spec) !== undefined;
  const all = [...told, ...(ending.warnings ?? [])];
  return {
    ...ending,
    ...(untrusted ? { hint: introduceHint(spec) } : {}),
    ...(all.length > 0 ? { warnings: all } : {}),
  };
}
