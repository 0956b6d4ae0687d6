import "./components/lazy-sdk.ts";
import "./components/stack-traces.ts";
import { evaluationArgs } from "./components/fleet/evaluation.ts";
import { askVendor } from "./components/fleet/vendor-view.ts";
import { evaluate } from "./deployer/evaluate.ts";
import { loadInventory } from "./inventory/load.ts";
import { planFor } from "./inventory/plan.ts";
import { readSettings } from "./settings/settings.ts";

const settings = readSettings();
const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
const evaluation = evaluate(evaluationArgs(plan, settings));
const asked = askVendor(plan, settings.stack);
// Loaded while Nix evaluates: Pulumi's SDK and those of the vendors take about as long.
const [{ Fleet }, { existingNames }, { prepareServers }, { failWithResources }] = await Promise.all([
  import("./components/fleet/fleet.ts"),
  import("./components/fleet/names.ts"),
  import("./components/fleet/servers.ts"),
  import("./components/failures.ts"),
]);
failWithResources();
const names = await existingNames(plan, settings);
// Last, since it puts servers on: a run that is refused changes nothing.
const servers = await prepareServers(await asked, plan, settings);
const fleet = new Fleet("fleet", { plan, settings, evaluation, names, servers });

/** The contract with other teams: outputs/contract.ts, docs/outputs.md. */
export const { schemaVersion, hosts, services, dns, buckets, cache, retired } = fleet.outputs;
