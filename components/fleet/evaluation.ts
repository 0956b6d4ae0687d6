import { resultsDirectory } from "../../deployer/evaluation/cache.ts";
import type { EvaluateArgs } from "../../deployer/evaluation/evaluate.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";
import { isSelected } from "./selection.ts";

interface EvaluationOptions {
  /** A preview builds nothing, so the settings may allow kept results whose derivations are missing. */
  readonly preview: boolean;
  /** Path of the checkout that runs. */
  readonly checkout: string;
}

/**
 * Arguments of a stack's evaluation, hosts of early waves first. Hosts that are pinned or not
 * selected are left out: their systems are known.
 */
export function evaluationArgs(
  plan: Plan,
  settings: Settings,
  { preview, checkout }: EvaluationOptions,
): EvaluateArgs {
  const selected = isSelected(plan, settings.selection);
  const { workers, memoryMb, previewWithoutDerivations } = settings.evaluation;
  return {
    flake: settings.flake,
    hosts: [...plan.hosts]
      .sort((a, b) => a.wave - b.wave)
      .map(({ name }) => name)
      .filter((name) => selected(name) && !Object.hasOwn(settings.pins, name)),
    formerNames: Object.fromEntries(
      plan.hosts.flatMap(({ name, formerly }) => (formerly === undefined ? [] : [[name, formerly]])),
    ),
    overrides: settings.flakeOverrides,
    cache: resultsDirectory(settings.evaluation.cache, checkout),
    withoutDerivations: preview && previewWithoutDerivations,
    limits: { ...(workers !== undefined && { workers }), ...(memoryMb !== undefined && { memoryMb }) },
    timeoutSeconds: plan.inventory.deploy.seconds.evaluate,
  };
}
