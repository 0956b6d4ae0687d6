import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { EvaluateArgs } from "../../deployer/evaluation/evaluate.ts";
import type { Plan } from "../../inventory/plan.ts";
import { cacheDirectory } from "../../lib/cache-directory.ts";
import { sha256 } from "../../lib/sha256.ts";
import type { EvaluationSettings, Settings } from "../../settings/settings.ts";
import { isSelected } from "./selection.ts";

/** `preview`: nothing is built, so the derivations of kept results may be missing where the settings say so. */
interface EvaluationOptions {
  readonly preview: boolean;
  readonly checkout: string;
}

/** Each checkout has its own results: one of untrusted code never adds to those of another. */
function resultsDirectory({ cache }: EvaluationSettings, checkout: string): string | undefined {
  if (cache === "off") return undefined;
  return cache ?? join(cacheDirectory(), "evaluations", sha256(realpathSync(checkout)).slice(0, 16));
}

/**
 * Arguments of a stack's evaluation, hosts of early waves first. Pinned hosts are left out: they run what they are pinned to; so are
 * those not selected.
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
    overrides: settings.flakeOverrides,
    cache: resultsDirectory(settings.evaluation, checkout),
    withoutDerivations: preview && previewWithoutDerivations,
    limits: { ...(workers !== undefined && { workers }), ...(memoryMb !== undefined && { memoryMb }) },
    timeoutSeconds: plan.inventory.deploy.seconds.evaluate,
  };
}
