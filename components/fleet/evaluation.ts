import type { EvaluateArgs } from "../../deployer/evaluate.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";
import { isSelected } from "./selection.ts";

/** Arguments of a stack's evaluation. Pinned hosts are left out: they run what they are pinned to; so are those not selected. */
export function evaluationArgs(plan: Plan, settings: Settings): EvaluateArgs {
  const selected = isSelected(plan, settings.selection);
  return {
    flake: settings.flake,
    hosts: plan.hosts
      .map(({ name }) => name)
      .filter((name) => selected(name) && !Object.hasOwn(settings.pins, name)),
    overrides: settings.flakeOverrides,
    timeoutSeconds: plan.inventory.deploy.seconds.evaluate,
  };
}
