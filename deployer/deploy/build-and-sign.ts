/** A closure built where it should be, and signed with the key that this place may use. */

import type { CommandResult } from "../process/runner.ts";
import { builderOf, buildStep, hostIsAway, introduceHint, isMissing, signStep } from "./closure.ts";
import {
  builderInfosStep,
  firstDifference,
  ownInfosStep,
  type PathInfos,
  readInfos,
  storePath,
  type WrittenStep,
} from "./compare-paths.ts";
import type { DeployTools, Outcome, Perform } from "./deploy.ts";
import { BuildKeyError, trustStep } from "./host-signing-key.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { type Step, stepFailure } from "./steps.ts";

/** Built and signed; what is here already, by an earlier run or from a cache, is only signed. */
export async function buildAndSign(
  spec: DeploySpec,
  tools: DeployTools,
  perform: Perform,
): Promise<Outcome | undefined> {
  const { signingKey } = tools.files;
  const { drvPath } = spec;
  // A system that was put back on purpose is on the host, and perhaps nowhere else.
  if (drvPath === undefined) return undefined;
  if (hostSigningKey(spec) !== undefined) return buildAndSignForHost(spec, drvPath, tools, perform);
  if (signingKey === undefined) return build(spec, drvPath, tools, perform);
  // A path that is there may not be whole yet; signing tells.
  if (spec.build === undefined && tools.exists(spec.outPath)) {
    const failure = await sign(spec, signingKey, tools, perform);
    if (failure === undefined || !isMissing(failure.ran)) return failure?.ending;
  }
  return (
    (await build(spec, drvPath, tools, perform)) ?? (await sign(spec, signingKey, tools, perform))?.ending
  );
}

/** By a store that is trusted less than the runner's: compared with what the runner has of it, and signed for this host alone. */
async function buildAndSignForHost(
  spec: DeploySpec,
  drvPath: string,
  tools: DeployTools,
  perform: Perform,
): Promise<Outcome | undefined> {
  const key = hostKeyFile(spec, tools);
  if (typeof key === "object") return key;
  return (
    (await askTrust(spec, tools, perform)) ??
    (await build(spec, drvPath, tools, perform)) ??
    (await compare(spec, tools, perform)) ??
    (await sign(spec, key, tools, perform))?.ending
  );
}

/** Where the secret half of the host's own key is, or why there is none. */
function hostKeyFile(spec: DeploySpec, tools: DeployTools): string | Outcome {
  try {
    return tools.hostKeyFile(spec);
  } catch (error) {
    if (!(error instanceof BuildKeyError)) throw error;
    return { outcome: "failed", step: "sign", reason: error.message, hint: error.hint };
  }
}

/** Before anything is built: a path that is on the host already gets no further signature by a copy. */
async function askTrust(
  spec: DeploySpec,
  tools: DeployTools,
  perform: Perform,
): Promise<Outcome | undefined> {
  const step = trustStep(spec, tools.files);
  if (step === undefined) return undefined;
  const ran = await perform(step);
  const key = hostSigningKey(spec) ?? "";
  // One that cannot be asked decides later, by itself.
  if (ran.exitCode !== 0 || ran.stdout.split(/\s+/).includes(key)) return undefined;
  const reason = `${spec.host} does not trust its own key ${key} yet`;
  return { outcome: "failed", step: "sign", reason, hint: introduceHint(spec) };
}

async function build(
  spec: DeploySpec,
  drvPath: string,
  tools: DeployTools,
  perform: Perform,
): Promise<Outcome | undefined> {
  const step = buildStep(spec, drvPath, tools.files);
  const ran = await perform(step);
  if (ran.exitCode !== 0) return failed(spec, step, ran);
  const out = ran.stdout.trim();
  if (out === spec.outPath) return undefined;
  return failed(spec, step, { ...ran, stderr: `it built ${out || "nothing"} instead of ${spec.outPath}` });
}

async function compare(spec: DeploySpec, tools: DeployTools, perform: Perform): Promise<Outcome | undefined> {
  const theirs = await infosOf(spec, builderInfosStep(spec, tools.files), tools, perform);
  if ("outcome" in theirs) return theirs;
  const shared = [...theirs.keys()].map(storePath).filter((path) => tools.exists(path));
  const own = await infosOf(spec, ownInfosStep(spec, shared, tools.files), tools, perform);
  if ("outcome" in own) return own;
  const path = firstDifference(theirs, own);
  if (path === undefined) return undefined;
  const builder = builderOf(spec, tools.files)?.host ?? "?";
  return {
    outcome: "failed",
    step: "sign",
    reason: `${builder} has other content in ${path} than the runner: somebody changed it on one of them, or its build gives another result each time`,
    hint: `find out which (\`nix store verify ${path}\` on both), and remove it from the store that is wrong (\`nix store delete\`)`,
  };
}

async function infosOf(
  spec: DeploySpec,
  { step, written, file }: WrittenStep,
  tools: DeployTools,
  perform: Perform,
): Promise<PathInfos | Outcome> {
  const ran = await perform(written);
  if (ran.exitCode !== 0) return failed(spec, step, ran);
  try {
    return readInfos(tools.read(file));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed(spec, step, { ...ran, stderr: `its answer cannot be read: ${why.slice(0, 300)}` });
  }
}

async function sign(spec: DeploySpec, key: string, tools: DeployTools, perform: Perform) {
  const step = signStep(spec, key, tools.files);
  const ran = await perform(step);
  return ran.exitCode === 0 ? undefined : { ran, ending: failed(spec, step, ran) };
}

export function failed(spec: DeploySpec, step: Step, ran: CommandResult): Outcome {
  const offline = spec.converge === "best-effort" && hostIsAway(spec, step, ran);
  return { outcome: offline ? "offline" : "failed", ...stepFailure(step, ran) };
}
