/**
 * A stack of which only the inventory and the published outputs are at hand, as on the host of a control centre:
 * there is no state, no passphrase and no file of the stack.
 */
import { existsSync, readFileSync } from "node:fs";
import { loadInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { messageOf } from "../../lib/message-of.ts";
import { parseOutputs } from "../../outputs/parse.ts";
import { settingsFrom } from "../../settings/settings.ts";
import type { StackName } from "./name.ts";
import type { OpenStack } from "./open.ts";

/** How the file comes to be. */
const WRITTEN_BY = "the runner writes it after each run: tools/pulumi stack output --json";

function readJson(file: string): unknown {
  if (!existsSync(file)) throw new Error(`${file} does not exist yet; ${WRITTEN_BY}`);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}; ${WRITTEN_BY}`);
  }
}

/**
 * @param file the outputs as JSON
 * @throws Error that names the file when it is missing or is not the outputs of a stack
 */
export function openPublished(stack: StackName, file: string): OpenStack {
  const outputs = parseOutputs(stack.full, readJson(file));
  const { environment } = outputs;
  const settings = settingsFrom({
    stack: stack.short,
    get: (key) => (key === "environment" ? environment : undefined),
    env: (name) => process.env[name],
  });
  const pins = Object.fromEntries(
    Object.entries(outputs.hosts).flatMap(([host, { pinned }]) =>
      pinned === undefined ? [] : [[host, pinned]],
    ),
  );
  const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
  return { stack, outputs, plan, settings: { ...settings, pins } };
}
