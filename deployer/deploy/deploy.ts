/** One host's deploy: build, sign, push, copy, activate, confirm. It always returns a result. */
import { lastLines } from "../../lib/sanitize.ts";
import type { DeployResult } from "../protocol/result.ts";
import { activateAndConfirm } from "./activation.ts";
import { introduceHint } from "./closure.ts";
import { type DeployContext, type DeployTools, deployContext, type Outcome } from "./context.ts";
import { type DeploySpec, hostSigningKey, truncateNames } from "./spec.ts";
import { closeConnection, transferClosure } from "./transfer.ts";

export async function deploy(spec: DeploySpec, tools: DeployTools): Promise<DeployResult> {
  const context = deployContext(spec, tools);
  const outcome = await run(context);
  const warnings = [...context.warnings.map((warning) => lastLines(warning)), ...(outcome.warnings ?? [])];
  return {
    schemaVersion: 1,
    host: spec.host,
    ...outcome,
    ...(warnings.length > 0 && { warnings }),
    token: spec.token,
    seconds: context.seconds,
  };
}

async function run(context: DeployContext): Promise<Outcome> {
  const { spec } = context;
  if (spec.refused !== undefined) return { outcome: "failed", step: "identity", reason: spec.refused };
  if (spec.heldBy.length > 0) {
    return { outcome: "held", step: "wave", reason: `waits for ${truncateNames(spec.heldBy).join(", ")}` };
  }
  const failure = await transferClosure(context);
  if (failure !== undefined) return failure;
  const outcome = await activateAndConfirm(context);
  await closeConnection(context);
  const untrusted = outcome.step === "signature" && hostSigningKey(spec) !== undefined;
  return untrusted ? { ...outcome, hint: introduceHint(spec) } : outcome;
}
