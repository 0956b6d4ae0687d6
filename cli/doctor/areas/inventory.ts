/** The stack's file and the inventory: without them no other check knows what to look at. */
import { existsSync } from "node:fs";
import path from "node:path";
import { loadInventory } from "../../../inventory/load.ts";
import { type Plan, planFor } from "../../../inventory/plan.ts";
import type { Problem } from "../../../lib/check.ts";
import { messageOf } from "../../../lib/message-of.ts";
import type { Settings } from "../../../settings/settings.ts";
import { readStackSettings } from "../../stack/config.ts";
import type { StackName } from "../../stack/name.ts";

export type Read =
  | { readonly settings: Settings; readonly plan: Plan }
  | { readonly problems: readonly Problem[] };

/** Each line of a message is one problem. */
const problemsIn = (error: unknown, why: string, fix: string): Problem[] =>
  messageOf(error)
    .split("\n")
    .map((what) => ({ what, why, fix }));

/** Reads settings and plan of a stack. The working directory must be `root`. */
export async function readPlan(stack: StackName, root: string): Promise<Read> {
  if (!existsSync(stack.file)) {
    const what = `${path.relative(root, stack.file)} does not exist`;
    const why = "it says which environment of the inventory the stack owns";
    return { problems: [{ what, why, fix: `tools/pantheros init --stack ${stack.short}` }] };
  }
  let settings: Settings;
  try {
    settings = await readStackSettings(stack, root);
  } catch (error) {
    return {
      problems: problemsIn(error, "the program cannot start", `edit ${path.relative(root, stack.file)}`),
    };
  }
  try {
    return { settings, plan: planFor(loadInventory(settings.fleetFile), settings.environment) };
  } catch (error) {
    const fix = `edit ${settings.fleetFile}; docs/inventory.md has every key`;
    return { problems: problemsIn(error, "the program stops before it does anything", fix) };
  }
}

/** What is valid, and still not a fleet. */
export function planProblems({ hosts, environment }: Plan, file: string): Problem[] {
  if (hosts.length > 0) return [];
  return [
    {
      what: `the environment ${environment} has no hosts`,
      why: "a run deploys nothing",
      fix: `add a table [hosts.NAME] with environment = "${environment}" to ${file}`,
    },
  ];
}
