/**
 * Serves the policy pack to the engine. policy/bin starts it in this folder with the stack's name
 * and configuration in the environment (constructEnv in pkg/resource/plugin/analyzer_plugin.go of
 * Pulumi 3.258).
 */
import path from "node:path";
import { PolicyPack } from "@pulumi/policy";
import { loadInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { PROVIDER_TABLES } from "../../inventory/providers.ts";
import { messageOf } from "../../lib/message-of.ts";
import { loadPartIfAny } from "../../providers/parts.ts";
import { settingsFrom } from "../../settings/settings.ts";
import { policiesFor } from "./policies.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Keys of the configuration whose values are JSON. */
const OBJECTS = ["flakeOverrides", "addresses", "pins"];

function readSettings(env: NodeJS.ProcessEnv) {
  const config = JSON.parse(env["PULUMI_CONFIG"] ?? "{}") as Readonly<Record<string, string>>;
  return settingsFrom({
    stack: env["PULUMI_STACK"] ?? "",
    get: (key) => {
      const value = config[`${env["PULUMI_PROJECT"]}:${key}`];
      return value !== undefined && OBJECTS.includes(key) ? JSON.parse(value) : value;
    },
    env: (name) => env[name],
  });
}

try {
  const { fleetFile, environment } = readSettings(process.env);
  const plan = planFor(loadInventory(path.resolve(ROOT, fleetFile)), environment);
  // Of every provider, not only those of the plan: a change of the program may make any resource.
  const machines = await Promise.all(PROVIDER_TABLES.map(({ kind }) => loadPartIfAny(kind, "policy")));
  // The constructor starts the server, and prints its port to standard output for the engine.
  new PolicyPack("pantheros", {
    policies: policiesFor(plan, { file: fleetFile, machines: machines.flatMap((kinds) => kinds ?? []) }),
  });
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
