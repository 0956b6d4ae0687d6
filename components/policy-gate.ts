/** Checks the policy before the first resource. */
// A single module, because the whole SDK takes much longer to load.
import * as log from "@pulumi/pulumi/log/index.js";
import { readKnownHosts } from "../inventory/known-hosts.ts";
import type { Plan } from "../inventory/plan.ts";
import { type Finding, findingText } from "../policy/findings.ts";
import { planFindings, refuseMandatory } from "../policy/plan-checks.ts";
import type { Settings } from "../settings/settings.ts";
import { addToPreview } from "./preview-part.ts";

/**
 * Prints advisory findings as warnings, and returns all of them.
 * @throws RunError for a mandatory finding.
 */
export function checkPolicy(plan: Plan, settings: Settings): Finding[] {
  const { knownHostsFile, addresses, fleetFile } = settings;
  const context = { pins: readKnownHosts(knownHostsFile), addresses };
  const findings = planFindings(plan, context, Date.now());
  // Before the refusal, so that a preview's document has all of them.
  addToPreview({ findings });
  refuseMandatory(findings, fleetFile);
  for (const finding of findings.filter(({ level }) => level === "advisory")) {
    void log.warn(`${fleetFile}: ${findingText(finding)}`);
  }
  return findings;
}
