/** Compares a stack's cost with the ceiling of its policy, before the first resource. */
import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../inventory/plan.ts";
import { NO_FACTS } from "../../policy/facts.ts";
import { type Finding, findingsOf, findingText } from "../../policy/findings.ts";
import { refuseMandatory } from "../../policy/plan-checks.ts";
import { addToPreview } from "../preview-part.ts";
import { planCost } from "./costs.ts";

const KEY = "policy.monthly_eur_max";

/**
 * Adds its finding to those of the plan in a preview's document. A cost that is not known is a
 * warning, because a vendor that gives no prices must not stop a repair.
 * @throws RunError when the cost is above the ceiling and the rule is mandatory.
 */
export async function checkCostCeiling(
  plan: Plan,
  fleetFile: string,
  findings: readonly Finding[],
): Promise<void> {
  const { policy } = plan.inventory;
  if (policy.monthlyEurMax === undefined || policy.levels["cost-ceiling"] === "disabled") return;
  const cost = await planCost(plan);
  if (cost === undefined || cost.currency !== "EUR" || (cost.unpriced ?? []).length > 0)
    void pulumi.log.warn(`${fleetFile}: ${KEY}: the cost is not fully known, so the ceiling may be passed`);
  if (cost?.currency !== "EUR") return;
  const found = findingsOf({ ...NO_FACTS, monthlyEur: cost.monthly }, policy, Date.now(), ["cost-ceiling"]);
  addToPreview({ findings: [...findings, ...found] });
  refuseMandatory(found, fleetFile);
  for (const finding of found.filter(({ level }) => level === "advisory"))
    void pulumi.log.warn(`${fleetFile}: ${findingText(finding)}`);
}
