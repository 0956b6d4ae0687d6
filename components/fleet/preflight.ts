/**
 * Asks the vendors for the stack's servers while Nix evaluates. Must not import Pulumi's SDK, which
 * loads at the same time.
 */
import type { Plan } from "../../inventory/plan.ts";
import { loadPartIfAny } from "../../providers/parts.ts";
import type { PreflightAnswer } from "../provider.ts";
import { creatingKinds } from "./kinds.ts";

/** The vendors' answers by the provider's kind. */
export type PreflightAnswers = ReadonlyMap<string, PreflightAnswer>;

/** Never throws. */
export async function runPreflight(plan: Plan, stack: string): Promise<PreflightAnswers> {
  return new Map(
    await Promise.all(
      creatingKinds(plan).map(
        async (kind) => [kind, await (await loadPartIfAny(kind, "preflight"))?.(plan, stack)] as const,
      ),
    ),
  );
}
