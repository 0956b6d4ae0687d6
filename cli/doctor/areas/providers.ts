/** The accounts at the providers of created machines; each provider has its own checks. */
import { creatingKinds } from "../../../components/fleet/kinds.ts";
import type { Check } from "../../../lib/check.ts";
import { loadPartIfAny } from "../../../providers/parts.ts";
import type { DoctorContext } from "../context.ts";

/** None when the plan has no host of the kind, or the provider no checks. */
export async function providerChecks(kind: string, context: DoctorContext): Promise<Check[]> {
  const { plan, env, stack, vendorConfig, limits } = context;
  if (!creatingKinds(plan).includes(kind)) return [];
  const checks = await loadPartIfAny(kind, "doctor");
  return checks?.({ plan, env, stack: stack.short, vendorConfig, limits }) ?? [];
}
