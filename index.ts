import "./components/lazy-sdk.ts";
import "./components/stack-traces.ts";
import { endRun } from "./components/error-log.ts";
import { evaluationArgs } from "./components/fleet/evaluation.ts";
import { runPreflight } from "./components/fleet/preflight.ts";
import { checkPolicy } from "./components/policy-gate.ts";
import { readCheckout } from "./deployer/checkout.ts";
import { evaluate } from "./deployer/evaluation/evaluate.ts";
import { loadInventory } from "./inventory/load.ts";
import { planFor } from "./inventory/plan.ts";
import { readSettings } from "./settings/stack-settings.ts";

const settings = readSettings();
const plan = planFor(loadInventory(settings.fleetFile), settings.environment);
const findings = checkPolicy(plan, settings);
const evaluation = evaluate(
  evaluationArgs(plan, settings, {
    preview: process.env["PULUMI_NODEJS_DRY_RUN"] === "true",
    checkout: import.meta.dirname,
  }),
);
// If the evaluation fails for all hosts, none can be deployed to: the run ends with one message.
Promise.all(evaluation.values()).catch(endRun);
const preflight = runPreflight(plan, settings.stack);
const warnings: string[] = [];
const checkout = readCheckout(settings.flake, { warn: (message) => warnings.push(message) });
// Loaded while Nix evaluates: loading the SDKs of Pulumi and the vendors takes about as long.
const [
  { Fleet },
  { checkCostCeiling },
  { readExistingRecords },
  { readKeptHosts },
  providers,
  { refuseMovedPorts },
  { checkPromotion, logWarnings },
  { prepareServers },
  { failWithResources },
  { gateVendors, vendorsOf },
  { reportEvaluation },
] = await Promise.all([
  import("./components/fleet/fleet.ts"),
  import("./components/fleet/cost-ceiling.ts"),
  import("./components/fleet/existing-records.ts"),
  import("./components/fleet/kept.ts"),
  import("./components/fleet/providers.ts").then(({ loadProviders }) => loadProviders(plan)),
  import("./components/fleet/moved-ports.ts"),
  import("./components/fleet/promotion.ts"),
  import("./components/fleet/servers.ts"),
  import("./components/failures.ts"),
  import("./components/vendor-gates.ts"),
  import("./components/fleet/evaluation-progress.ts"),
]);
failWithResources();
reportEvaluation(evaluation);
const deployed = await checkPromotion(plan, settings, await checkout);
logWarnings(warnings);
await refuseMovedPorts(plan, settings);
await checkCostCeiling(plan, settings.fleetFile, findings);
const kept = await readKeptHosts(plan, settings);
const existingRecords = await readExistingRecords(plan, settings, providers);
// Last, because it powers servers on: a run that is refused before has changed nothing.
const answers = await preflight;
const servers = await prepareServers(providers, answers, { plan, settings });
gateVendors(vendorsOf(plan, settings, { providers, answers }));
const fleet = new Fleet("fleet", {
  ...{ plan, settings, evaluation, existingRecords, servers, kept },
  revision: deployed,
});

const { schemaVersion, environment, revision, hosts, services, dns, buckets, cache, retired } = fleet.outputs;
const cost = await fleet.cost;
/** The contract with other teams: outputs/contract.ts, docs/outputs.md. */
export default {
  ...{ schemaVersion, environment, revision, hosts, services, dns, buckets, cache, retired },
  // Pulumi warns of an output without a value.
  ...(cost !== undefined && { cost }),
};
