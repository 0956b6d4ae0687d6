/**
 * The results of the stack's last run, read from its state. A host that was off or held has no record
 * of them.
 */
import { type DeployOutcome, readDeployResult, readInstallResult } from "../../deployer/protocol/result.ts";
import { commandsIn, readStackStateIfAny, type StackState } from "../stack-state.ts";
import type { PreviousInstall } from "./install-triggers.ts";

/** Keyed by the names of the resources. */
export interface PreviousResults {
  readonly installs: Readonly<Record<string, PreviousInstall>>;
  readonly deploys: Readonly<Record<string, DeployOutcome>>;
}

/** Installs and deploys in the stack's state. */
export function parsePreviousResults(state: StackState | undefined): PreviousResults {
  const installs: Record<string, PreviousInstall> = {};
  const deploys: Record<string, DeployOutcome> = {};
  for (const [name, { triggers, stdout: printed }] of state === undefined ? [] : commandsIn(state)) {
    if (!Array.isArray(triggers)) continue;
    const stdout = typeof printed === "string" ? printed : "";
    if (name.endsWith("-install")) {
      const { outcome } = readInstallResult(name, stdout);
      installs[name] = { triggers: triggers.map(String), done: outcome !== "failed" };
    } else if (name.endsWith("-deploy")) {
      deploys[name] = readDeployResult(name, stdout).outcome;
    }
  }
  return { installs, deploys };
}

/**
 * Parses the results once for all hosts, when the first one needs them. When the state can't be read,
 * every install runs again: it finds the machine installed, so this costs only time.
 */
export function previousResultsReader(): () => Promise<PreviousResults> {
  let results: Promise<PreviousResults> | undefined;
  return () => {
    results ??= readStackStateIfAny().then(parsePreviousResults);
    return results;
  };
}

/** Until the run that renames a host is over, its results are in the state under its former name. */
export function underFormerName(
  previous: () => Promise<PreviousResults>,
  name: string,
  formerly: string | undefined,
): () => Promise<PreviousResults> {
  if (formerly === undefined) return previous;
  const renamed = <T>(found: Readonly<Record<string, T>>, suffix: string): Readonly<Record<string, T>> => {
    const own = found[`${name}${suffix}`] ?? found[`${formerly}${suffix}`];
    return own === undefined ? found : { ...found, [`${name}${suffix}`]: own };
  };
  return async () => {
    const { installs, deploys } = await previous();
    return { installs: renamed(installs, "-install"), deploys: renamed(deploys, "-deploy") };
  };
}
