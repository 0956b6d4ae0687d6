/** The rules on a plan: what a run checks before it creates anything. */
import type { Plan } from "../inventory/plan.ts";
import { RunError } from "../lib/run-error.ts";
import { endingExceptions, type Finding, findingsOf, findingText } from "./findings.ts";
import { type PlanContext, planFacts } from "./plan-facts.ts";

/**
 * Findings for a stack, as data: also for a pull request's comment.
 * @param now milliseconds since 1970
 */
export const planFindings = (plan: Plan, context: PlanContext, now: number): Finding[] => [
  ...findingsOf(planFacts(plan, context), plan.inventory.policy, now),
  ...endingExceptions(plan.inventory.policy, now),
];

/**
 * Refuses a run with mandatory findings.
 * @param file the inventory
 * @throws RunError with one line for each of them
 */
export function refuseMandatory(findings: readonly Finding[], file: string): void {
  const mandatory = findings.filter(({ level }) => level === "mandatory");
  if (mandatory.length === 0) return;
  throw new RunError(
    [
      ...mandatory.map((finding) => `${file}: ${findingText(finding)}`),
      "nothing was created or changed; docs/policy.md says what each rule asks for, and how to write an exception",
    ].join("\n"),
  );
}
