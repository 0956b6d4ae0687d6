/** `pantheros policy`: the rules on the inventory of a stack. */
import { readKnownHosts } from "../../inventory/known-hosts.ts";
import { loadInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { RULE_NAMES } from "../../inventory/policy.ts";
import { type Finding, findingText } from "../../policy/findings.ts";
import { planFindings } from "../../policy/plan-checks.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes.ts";
import { readStackSettings } from "../stack/config.ts";
import { type StackOptions, stackName } from "../stack/name.ts";

export interface PolicyOptions extends StackOptions {
  readonly json?: boolean;
}

const LEVELS: readonly Finding["level"][] = ["mandatory", "advisory", "excepted"];

/** One line for each finding, the mandatory ones first, and a line that counts them. */
function policyText(findings: readonly Finding[], file: string, environment: string): string {
  const lines = LEVELS.flatMap((level) =>
    findings
      .filter((finding) => finding.level === level)
      .map((finding) => `${level}: ${file}: ${findingText(finding)}`),
  );
  const counts = LEVELS.map((level) => `${findings.filter((one) => one.level === level).length} ${level}`);
  return [...lines, `${environment}: ${RULE_NAMES.length} rules checked: ${counts.join(", ")}`, ""].join(
    "\n",
  );
}

/**
 * Prints the findings and returns the exit code.
 * @throws Error when the stack's configuration or inventory cannot be read.
 */
export async function policy(options: PolicyOptions, root: string): Promise<number> {
  const stack = stackName(options, { env: process.env, root, cwd: process.cwd() });
  // Paths in the settings are relative to the project, as in the Pulumi program.
  process.chdir(root);
  const { fleetFile, environment, knownHostsFile, addresses } = await readStackSettings(stack, root);
  const plan = planFor(loadInventory(fleetFile), environment);
  const findings = planFindings(plan, { pins: readKnownHosts(knownHostsFile), addresses }, Date.now());
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ schemaVersion: 1, stack: stack.full, environment, findings }, undefined, 2)}\n`
      : policyText(findings, fleetFile, environment),
  );
  return findings.some(({ level }) => level === "mandatory") ? EXIT_FAILED : EXIT_OK;
}
