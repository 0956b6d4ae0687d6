/** What commands read of a stack before they ask its hosts. */
import { loadInventory } from "../../inventory/load.ts";
import { type Plan, type PlannedHost, planFor } from "../../inventory/plan.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { unknownName } from "../../lib/names.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";
import { UsageError } from "../exit-codes.ts";
import { readStackSettings } from "./config.ts";
import { type StackName, type StackOptions, stackName } from "./name.ts";
import { readOutputs } from "./outputs.ts";

export interface OpenStack {
  readonly stack: StackName;
  readonly settings: Settings;
  readonly plan: Plan;
  /** Outputs of the last run; undefined when there was none. */
  readonly outputs: StackOutputs | undefined;
}

/**
 * Reads a stack, and changes to the project's directory, because paths in the settings are relative to it.
 * @throws Error when the stack's configuration, inventory or outputs cannot be read
 */
export async function openStack(options: StackOptions, root: string): Promise<OpenStack> {
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  process.chdir(root);
  const [settings, outputs] = await Promise.all([readStackSettings(stack, root), readOutputs(stack, root)]);
  const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
  return { stack, settings, plan, outputs };
}

/**
 * A host of the stack by its name.
 * @throws UsageError that says where the host is, or names the nearest one
 */
export function hostOf({ plan }: Pick<OpenStack, "plan">, name: string): PlannedHost {
  const found = plan.hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const elsewhere = entryOf(plan.inventory.hosts, name);
  if (elsewhere !== undefined && elsewhere.environment !== plan.environment) {
    const { environment } = elsewhere;
    throw new UsageError(`${name} is in the environment ${environment}: add --stack ${environment}`);
  }
  if (elsewhere !== undefined) {
    throw new UsageError(`${name} is an image of another vendor's: no run deploys to it`);
  }
  if (plan.retired.some((host) => host.name === name)) {
    throw new UsageError(`${name} is decommissioned: runs do not deploy to it`);
  }
  const names = plan.hosts.map((host) => host.name);
  throw new UsageError(`${unknownName("host", name, names)} (of this stack)`);
}
