import type { EvaluateArgs } from "../../deployer/evaluate.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";

/** Arguments of a stack's evaluation. Pinned hosts are left out: they run what they are pinned to. */
export const evaluationArgs = (plan: Plan, settings: Settings): EvaluateArgs => ({
  flake: settings.flake,
  hosts: plan.hosts.map(({ name }) => name).filter((name) => !Object.hasOwn(settings.pins, name)),
  overrides: settings.flakeOverrides,
  timeoutSeconds: plan.inventory.deploy.seconds.evaluate,
});
