/** Builds a closure on the machine that the inventory names, and signs it with the key that this machine's store may use. */
import { messageOf } from "../../lib/message-of.ts";
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
import type { DeployContext, Outcome } from "./context.ts";
import { BuildKeyError, trustStep } from "./host-signing-key.ts";
import { type DeploySpec, hostSigningKey } from "./spec.ts";
import { type Step, stepFailure } from "./steps.ts";

/** Returns undefined when the closure is built and signed. A closure that exists already is only signed. */
export async function buildAndSign(context: DeployContext): Promise<Outcome | undefined> {
  const { spec, files, exists } = context;
  const { signingKey } = files;
  // Without a derivation the system is on the host already, and possibly nowhere else.
  if (spec.drvPath === undefined) return undefined;
  if (hostSigningKey(spec) !== undefined) return buildAndSignForHost(context, spec.drvPath);
  if (signingKey === undefined) return build(context, spec.drvPath);
  // A path that exists may still lack dependencies; signing fails then.
  if (spec.build === undefined && exists(spec.outPath)) {
    const failure = await sign(context, signingKey);
    if (failure === undefined || !isMissing(failure.result)) return failure?.outcome;
  }
  return (await build(context, spec.drvPath)) ?? (await sign(context, signingKey))?.outcome;
}

/** For a builder that is trusted less than the runner: its paths are compared with the runner's and signed for this host alone. */
async function buildAndSignForHost(context: DeployContext, drvPath: string): Promise<Outcome | undefined> {
  const key = hostKeyFile(context);
  if (typeof key === "object") return key;
  return (
    (await checkTrust(context)) ??
    (await build(context, drvPath)) ??
    (await compare(context)) ??
    (await sign(context, key))?.outcome
  );
}

/** The file with the secret half of the host's own key, or why there is none. */
function hostKeyFile({ spec, hostKeyFile: write }: DeployContext): string | Outcome {
  try {
    return write(spec);
  } catch (error) {
    if (!(error instanceof BuildKeyError)) throw error;
    return { outcome: "failed", step: "sign", reason: error.message, hint: error.hint };
  }
}

/** Comes before the build, because a copy adds no signature to a path that the host has already. */
async function checkTrust({ spec, files, runStep }: DeployContext): Promise<Outcome | undefined> {
  const step = trustStep(spec, files);
  if (step === undefined) return undefined;
  const result = await runStep(step);
  const key = hostSigningKey(spec) ?? "";
  // A host that does not answer here refuses the closure later, by itself.
  if (result.exitCode !== 0 || result.stdout.split(/\s+/).includes(key)) return undefined;
  const reason = `${spec.host} does not trust its own key ${key} yet`;
  return { outcome: "failed", step: "sign", reason, hint: introduceHint(spec) };
}

async function build({ spec, files, runStep }: DeployContext, drvPath: string): Promise<Outcome | undefined> {
  const step = buildStep(spec, drvPath, files);
  const result = await runStep(step);
  if (result.exitCode !== 0) return failedStep(spec, step, result);
  const out = result.stdout.trim();
  if (out === spec.outPath) return undefined;
  return failedStep(spec, step, {
    ...result,
    stderr: `it built ${out || "nothing"} instead of ${spec.outPath}`,
  });
}

async function compare(context: DeployContext): Promise<Outcome | undefined> {
  const { spec, files, exists } = context;
  const theirs = await infosOf(context, builderInfosStep(spec, files));
  if ("outcome" in theirs) return theirs;
  const shared = [...theirs.keys()].map(storePath).filter((path) => exists(path));
  const own = await infosOf(context, ownInfosStep(spec, shared, files));
  if ("outcome" in own) return own;
  const path = firstDifference(theirs, own);
  if (path === undefined) return undefined;
  const builder = builderOf(spec, files)?.host ?? "?";
  return {
    outcome: "failed",
    step: "sign",
    reason: `${path} on ${builder} differs from the runner's: it was changed on one of them, or its build is not reproducible`,
    hint: `run \`nix store verify ${path}\` on both, and remove the path from the store that is wrong (\`nix store delete\`)`,
  };
}

async function infosOf(
  { spec, runStep, read }: DeployContext,
  { step, written, file }: WrittenStep,
): Promise<PathInfos | Outcome> {
  const result = await runStep(written);
  if (result.exitCode !== 0) return failedStep(spec, step, result);
  try {
    return readInfos(read(file));
  } catch (error) {
    const why = messageOf(error);
    return failedStep(spec, step, { ...result, stderr: `its answer cannot be read: ${why.slice(0, 300)}` });
  }
}

async function sign({ spec, files, runStep }: DeployContext, key: string) {
  const step = signStep(spec, key, files);
  const result = await runStep(step);
  return result.exitCode === 0 ? undefined : { result, outcome: failedStep(spec, step, result) };
}

export function failedStep(spec: DeploySpec, step: Step, result: CommandResult): Outcome {
  const offline = spec.converge === "best-effort" && hostIsAway(spec, step, result);
  return { outcome: offline ? "offline" : "failed", ...stepFailure(step, result) };
}
