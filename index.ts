import "./components/stack-traces.ts";
import { Fleet } from "./components/fleet/fleet.ts";
import { loadInventory } from "./inventory/load.ts";
import { planFor } from "./inventory/plan.ts";
import { readSettings } from "./settings/settings.ts";

const settings = readSettings();
const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
const fleet = new Fleet("fleet", { plan, settings });

/** The contract with other teams: outputs/contract.ts, docs/outputs.md. */
export const { schemaVersion, hosts, services, dns, buckets, cache, retired } = fleet.outputs;
