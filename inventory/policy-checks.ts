/** Checks of `[policy]` against the other tables. */
import { entryOf } from "../lib/entry-of.ts";
import { unknownName } from "../lib/names.ts";
import { type PolicyException, RULE_NAMES, WITHOUT_EXCEPTIONS } from "./policy.ts";
import type { Problem } from "./problems.ts";
import { keysAt } from "./reference.ts";
import type { Inventory } from "./schema.ts";

/** `dns.records[0].name` -> `["dns", "records", "0", "name"]` */
const partsOf = (key: string): string[] => key.split(/[.[\]]+/).filter((part) => part !== "");

const camel = (part: string): string =>
  part.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const inner = (value: unknown, part: string): unknown =>
  typeof value === "object" && value !== null
    ? (entryOf(value as Record<string, unknown>, part) ??
      entryOf(value as Record<string, unknown>, camel(part)))
    : undefined;

/** Why a key is none of this inventory; undefined when it is one. A key may be left out of its table. */
function keyProblem(inventory: Inventory, key: string): string | undefined {
  const parts = partsOf(key);
  let value: unknown = inventory;
  for (const [at, part] of parts.entries()) {
    const found = inner(value, part);
    if (found === undefined) {
      const known = keysAt(parts.slice(0, at));
      if (at === parts.length - 1 && known.includes(part)) return undefined;
      const names = known.length > 0 ? known : Object.keys((value as object | undefined) ?? {});
      return `no key of this inventory: ${unknownName("key", part, names)}`;
    }
    value = found;
  }
  return parts.length === 0 ? "no key of this inventory: copy it from the finding" : undefined;
}

function exceptionProblems(inventory: Inventory, name: string, { rule, key }: PolicyException): Problem[] {
  const at = `policy.exceptions.${name}`;
  if (!(RULE_NAMES as readonly string[]).includes(rule)) {
    return [{ key: `${at}.rule`, message: unknownName("rule", rule, RULE_NAMES) }];
  }
  if ((WITHOUT_EXCEPTIONS as readonly string[]).includes(rule)) {
    return [{ key: `${at}.rule`, message: `the rule ${rule} has no exceptions: remove the table` }];
  }
  const problem = keyProblem(inventory, key);
  return problem === undefined ? [] : [{ key: `${at}.key`, message: problem }];
}

/** @param whole with the hosts that are out of service */
export function policyProblems(whole: Inventory): Problem[] {
  const { policy, secrets, environments } = whole;
  const exceptions = Object.entries(policy.exceptions);
  const unknownSecrets = policy.sharedSecrets
    .filter((name) => !Object.hasOwn(secrets, name))
    .map((name) => ({
      key: "policy.shared_secrets",
      message: unknownName("secret", name, Object.keys(secrets)),
    }));
  // The default names an environment that a fleet need not have.
  const named = policy.production.filter((name) => name !== "production");
  const unknownEnvironments = named
    .filter((name) => !Object.hasOwn(environments, name))
    .map((name) => ({
      key: "policy.production",
      message: unknownName("environment", name, Object.keys(environments)),
    }));
  const twice = exceptions.flatMap(([name, one], at) => {
    const first = exceptions
      .slice(0, at)
      .find(([, other]) => other.rule === one.rule && other.key === one.key);
    if (first === undefined) return [];
    return [
      {
        key: `policy.exceptions.${name}`,
        message: `the same rule and key as policy.exceptions.${first[0]}: remove one`,
      },
    ];
  });
  return [
    ...exceptions.flatMap(([name, one]) => exceptionProblems(whole, name, one)),
    ...twice,
    ...unknownSecrets,
    ...unknownEnvironments,
  ];
}
