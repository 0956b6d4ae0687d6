/** The rules of the stack's policy, with which every run begins. */
import { readKnownHosts } from "../../../inventory/known-hosts.ts";
import type { Check, Observation } from "../../../lib/check.ts";
import { type Finding, findingText } from "../../../policy/findings.ts";
import { planFindings } from "../../../policy/plan-checks.ts";
import type { DoctorContext } from "../context.ts";

/** Only a mandatory finding stops a run; the others are for a person to judge. */
const observed = (finding: Finding): Observation =>
  finding.level === "mandatory"
    ? {
        what: `${finding.key}: ${finding.message}`,
        why: `the rule ${finding.rule} is mandatory, so the run stops before it creates anything`,
        fix: `${finding.remedy}; docs/policy.md says how to write an exception`,
      }
    : { note: `${finding.level}: ${findingText(finding)}` };

export function policyChecks({ plan, settings }: DoctorContext): Check[] {
  return [
    {
      name: "rules",
      run: () => {
        const context = { pins: readKnownHosts(settings.knownHostsFile), addresses: settings.addresses };
        return planFindings(plan, context, Date.now()).map(observed);
      },
    },
  ];
}
