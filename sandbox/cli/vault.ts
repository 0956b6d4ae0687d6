import { randomBytes } from "node:crypto";
import type { Plan } from "../../inventory/plan.ts";
import { parseReference, type Seed, seedVault } from "../vendors/onepassword/seed.ts";
import type { Layout } from "./layout.ts";

/** A made-up secret in the form of a service account's token, which is what hosts are given most. */
function inventedSecret(): string {
  return `ops_${randomBytes(48).toString("base64url")}`;
}

/** What the fleet's owner would have put into 1Password: a value for every reference of the inventory. */
export function vaultSeeds(
  plan: Pick<Plan, "secrets">,
  value: () => string = inventedSecret,
): readonly Seed[] {
  const references = new Set(plan.secrets.map(({ reference }) => reference));
  return [...references].map((reference) => ({ ...parseReference(reference), value }));
}

/** The vault that `op` works on, let in by `token`; values that are there stay. Returns how many were made. */
export function ensureVault(layout: Layout, plan: Plan, token: string): number {
  return seedVault(layout.vault, token, [plan.inventory.fleet.vault], [...vaultSeeds(plan)]);
}
