/** Checks of promotion rules, and who may shorten them. */
import { unknownName } from "../lib/names.ts";
import { type Capability, grants } from "./capabilities.ts";
import type { Problem } from "./problems.ts";
import type { Inventory } from "./schema.ts";

/** Capability of a role (`[roles.NAME] capabilities`) whose users may sign approvals. */
export const APPROVE: Capability = "promotion.approve";

/** Whether the user's role may approve. */
export function mayApprove({ users, roles }: Pick<Inventory, "users" | "roles">, user: string): boolean {
  const name = Object.hasOwn(users, user) ? users[user]?.role : undefined;
  const role = name !== undefined && Object.hasOwn(roles, name) ? roles[name] : undefined;
  return role !== undefined && grants(role.capabilities, APPROVE);
}

/** Users whose role may approve, and who have a key to sign with. */
export const approvers = (inventory: Pick<Inventory, "users" | "roles">): string[] =>
  Object.entries(inventory.users)
    .filter(([name, user]) => mayApprove(inventory, name) && user.authorizedKeys.length > 0)
    .map(([name]) => name)
    .sort();

/** Environments that each wait for the next one, from `name` on. */
function chainOf(rules: Inventory["promotion"], name: string): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined && !chain.includes(at); ) {
    chain.push(at);
    at = Object.hasOwn(rules, at) ? rules[at]?.from : undefined;
    if (at === name) return [...chain, at];
  }
  return chain;
}

export function promotionProblems({ promotion: rules, environments }: Inventory): Problem[] {
  const names = Object.keys(environments);
  return Object.entries(rules).flatMap(([name, { from }]): Problem[] => {
    if (!names.includes(name)) {
      return [{ key: `promotion.${name}`, message: unknownName("environment", name, names) }];
    }
    if (!names.includes(from)) {
      return [{ key: `promotion.${name}.from`, message: unknownName("environment", from, names) }];
    }
    const chain = chainOf(rules, name);
    if (chain.at(-1) !== name || chain.length === 1) return [];
    return [
      {
        key: `promotion.${name}.from`,
        message: `${chain.join(" waits for ")}: nothing could be deployed; set a different environment`,
      },
    ];
  });
}
