import { randomBytes } from "node:crypto";
import type { Plan } from "../../inventory/plan.ts";
import { hostVault } from "../../inventory/vaults.ts";
import { grantHosts } from "../vendors/onepassword/accounts.ts";
import { parseReference, type Seed, seedVault } from "../vendors/onepassword/seed.ts";
import type { Layout } from "./layout.ts";

/** A made-up secret in the form of a service account's token, which is what hosts are given most. */
function randomToken(): string {
  return `ops_${randomBytes(48).toString("base64url")}`;
}

/** What the fleet's owner would have put into 1Password: a value for every reference of the inventory. */
export function vaultSeeds(plan: Pick<Plan, "secrets">, value: () => string = randomToken): readonly Seed[] {
  const references = new Set(plan.secrets.map(({ reference }) => reference));
  return [...references].map((reference) => ({ ...parseReference(reference), value }));
}

/** What a sandbox service greets with where its `options` name a secret: lines of an environment. */
const greetingSeeds = (services: Plan["services"]): readonly Seed[] =>
  services.flatMap(({ name, host, options }) => {
    const reference = options["secret"];
    if (typeof reference !== "string") return [];
    return [
      { ...parseReference(reference), value: () => `GREETING=${name} on ${host}, as 1Password has it` },
    ];
  });

/**
 * The vault that `op` works on, let in by `token`; values that are there stay. What hosts get as their service account's token
 * lets in too, to the vaults of the hosts only. Returns how many values were made.
 */
export function ensureVault(layout: Layout, plan: Plan, token: string): number {
  const greetings = greetingSeeds(plan.services);
  const seeds = [...vaultSeeds(plan), ...greetings];
  const made = seedVault(layout.vault, token, [plan.inventory.fleet.vault], seeds);
  grantHosts(
    layout.vault,
    plan.secrets
      .filter(({ name }) => name === "opnix-token")
      .map(({ host, reference }) => ({
        host,
        reference,
        vaults: [hostVault(plan.inventory, host) ?? ""],
      })),
  );
  return made;
}
