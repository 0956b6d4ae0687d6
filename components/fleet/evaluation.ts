import type { EvaluateArgs } from "../../deployer/evaluate.ts";
import type { Plan } from "../../inventory/plan.ts";
import type { Settings } from "../../settings/settings.ts";

/** What Nix is asked for a stack. A pinned host runs what it is pinned to, whatever the flake says. */
export const evaluationArgs = (plan: Plan, settings: Settings): EvaluateArgs => ({
  flake: settings.flake,
  hosts: plan.hosts.map(({ name }) => name).filter((name) => settings.pins[name] === undefined),
  overrides: settings.flakeOverrides,
  timeoutSeconds: plan.inventory.deploy.seconds.evaluate,
});
