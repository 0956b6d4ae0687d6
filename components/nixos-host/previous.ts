/**
 * How the stack's last run ended for its hosts, read from its own state: what no host can tell, because it was off, or was never
 * asked to do anything.
 */
import * as pulumi from "@pulumi/pulumi";
import { type DeployOutcome, readDeployResult, readInstallResult } from "../../deployer/protocol/result.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import { readStackState, stackState } from "../stack-state.ts";
import type { PreviousInstall } from "./install-triggers.ts";

/** By the names of the resources. */
export interface PreviousResults {
  readonly installs: Readonly<Record<string, PreviousInstall>>;
  readonly deploys: Readonly<Record<string, DeployOutcome>>;
}

/** Installs and deploys in the answer of `readStackResourceOutputs`. */
export function parsePreviousResults(answer: unknown): PreviousResults {
  const installs: Record<string, PreviousInstall> = {};
  const deploys: Record<string, DeployOutcome> = {};
  const read = stackState.safeParse(answer);
  for (const [urn, { type, outputs }] of Object.entries(read.data?.outputs ?? {})) {
    const name = nameOfUrn(urn);
    const { triggers, stdout: printed } = outputs;
    if (type !== "command:local:Command" || !Array.isArray(triggers)) continue;
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
 * Reads them once for all hosts, when the first of them asks; none does before a machine is there. Without an answer every
 * install is looked at again, which costs time and nothing else.
 */
export function stackResults(): () => Promise<PreviousResults> {
  let answer: Promise<PreviousResults> | undefined;
  const ask = async () => {
    try {
      return parsePreviousResults(await readStackState());
    } catch (error) {
      pulumi.log.debug(`the stack's own state can't be read: ${error}`);
      return { installs: {}, deploys: {} };
    }
  };
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** A renamed host's results stand in the state under its former name until the run that renames it is over. */
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
