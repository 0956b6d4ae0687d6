/** Findings of the rules with their levels, after the exceptions of the inventory. */
import type { PolicyException, PolicySettings, RuleName } from "../inventory/policy.ts";
import { RULE_NAMES } from "../inventory/policy.ts";
import type { Facts } from "./facts.ts";
import { RULES, type Violation } from "./rules.ts";

export interface Finding extends Violation {
  readonly rule: RuleName;
  /** `mandatory` stops the run; `excepted` is allowed by an exception that still counts. */
  readonly level: "mandatory" | "advisory" | "excepted";
}

/** Days before the end of an exception from which a run warns. */
const WARNING_DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1000;

type Named = readonly [name: string, exception: PolicyException];

/** Milliseconds since 1970 at which an exception ends: the end of its last day, in UTC. */
const endOf = ({ until }: PolicyException): number => Date.parse(`${until}T00:00:00Z`) + DAY_MS;

function withException(rule: RuleName, level: "mandatory" | "advisory", violation: Violation, now: number) {
  return ([name, exception]: Named): Finding => {
    const { who, why, until } = exception;
    if (endOf(exception) > now) {
      const message = `${violation.message}; ${who} allows it until ${until}: ${why}`;
      return { rule, level: "excepted", ...violation, message };
    }
    const message = `${violation.message}; policy.exceptions.${name} ended on ${until}`;
    return { rule, level, ...violation, message };
  };
}

/** What a rule finds, without a rule that is disabled. */
function findingsOfRule(rule: RuleName, facts: Facts, policy: PolicySettings, now: number): Finding[] {
  const level = policy.levels[rule];
  if (level === "disabled") return [];
  const exceptions = Object.entries(policy.exceptions).filter(([, one]) => one.rule === rule);
  return RULES[rule].check(facts, policy).map((violation) => {
    const found = exceptions.find(([, { key }]) => key === violation.key);
    return found === undefined
      ? { rule, level, ...violation }
      : withException(rule, level, violation, now)(found);
  });
}

/**
 * Findings in the order of the rules.
 * @param now milliseconds since 1970
 */
export const findingsOf = (
  facts: Facts,
  policy: PolicySettings,
  now: number,
  rules: readonly RuleName[] = RULE_NAMES,
): Finding[] => rules.flatMap((rule) => findingsOfRule(rule, facts, policy, now));

/** One advisory finding for each exception that ends soon. */
export function endingExceptions({ exceptions }: PolicySettings, now: number): Finding[] {
  return Object.entries(exceptions).flatMap(([name, exception]): Finding[] => {
    const left = endOf(exception) - now;
    if (left <= 0 || left > WARNING_DAYS * DAY_MS) return [];
    return [
      {
        // The inventory's checks refuse an exception of an unknown rule.
        rule: exception.rule as RuleName,
        level: "advisory",
        key: `policy.exceptions.${name}.until`,
        message: `the exception for ${exception.key} ends on ${exception.until}`,
        remedy: "correct what it allows, or let somebody decide again",
      },
    ];
  });
}

/** `KEY: MESSAGE (policy RULE): REMEDY` */
export const findingText = ({ rule, key, message, remedy }: Finding): string =>
  `${key}: ${message} (policy ${rule}): ${remedy}`;
