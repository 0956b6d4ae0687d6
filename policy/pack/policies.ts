/** The rules as policies of a Pulumi policy pack. */
import type { Policies, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import type { Plan } from "../../inventory/plan.ts";
import { RULE_NAMES, type RuleName } from "../../inventory/policy.ts";
import type { Facts } from "../facts.ts";
import { findingsOf, findingText } from "../findings.ts";
import { RULES } from "../rules.ts";
import { known } from "./known.ts";
import type { Resource, ResourceKind } from "./resource.ts";
import { encryptionFacts, resourceFacts } from "./resource-facts.ts";

type Inputs = Resource["inputs"];

/** What resource and stack policies have of a resource. */
type Given = Pick<ResourceValidationArgs, "type" | "name" | "props" | "opts">;

const resourceOf = ({ type, name, props, opts }: Given): Resource => ({
  type,
  name,
  inputs: known(props) as Inputs,
  isProtected: opts.protect,
});

/** Rules that need a whole stack, or data that no resource has. */
const NOT_OF_ONE_RESOURCE: readonly RuleName[] = ["cost-ceiling"];

export interface PackArgs {
  /** The inventory, for messages. */
  readonly file: string;
  /** Resources of the providers' machines. */
  readonly machines: readonly ResourceKind[];
  readonly now?: () => number;
}

export function policiesFor(plan: Plan, { file, machines, now = Date.now }: PackArgs): Policies {
  const { policy } = plan.inventory;
  const violations = (rule: RuleName, facts: Facts): string[] =>
    findingsOf(facts, policy, now(), [rule])
      .filter(({ level }) => level !== "excepted")
      .map((finding) => `${file}: ${findingText(finding)}`);
  const ofResources = RULE_NAMES.filter((rule) => !NOT_OF_ONE_RESOURCE.includes(rule)).map((rule) => ({
    name: rule,
    description: RULES[rule].text,
    enforcementLevel: policy.levels[rule],
    validateResource: (args: ResourceValidationArgs, report: (message: string) => void) => {
      for (const message of violations(rule, resourceFacts(resourceOf(args), plan, machines)))
        report(message);
    },
  }));
  return [
    ...ofResources,
    {
      // An encryption is a resource of its own.
      name: "private-buckets-encryption",
      description: RULES["private-buckets"].text,
      enforcementLevel: policy.levels["private-buckets"],
      validateStack: ({ resources }: StackValidationArgs, report: (message: string) => void) => {
        const all = resources.map((resource) => ({
          ...resourceOf(resource),
          urn: resource.urn,
          dependsOn: resource.dependencies.map(({ urn }) => urn),
        }));
        for (const message of violations("private-buckets", encryptionFacts(all, plan))) report(message);
      },
    },
  ];
}
