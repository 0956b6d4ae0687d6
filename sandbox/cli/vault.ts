import { randomBytes } from "node:crypto";
import type { Plan } from "../../inventory/plan.ts";
import { hostVault } from "../../inventory/vaults.ts";
import { grantHosts } from "../vendors/onepassword/accounts.ts";
import { parseReference, type Seed, seedVault } from "../vendors/onepassword/seed.ts";
import { changeVault } from "../vendors/onepassword/vault-file.ts";
import type { Layout } from "./layout.ts";

/** A random value in the form of a service account token, the most common secret of a host. */
function randomToken(): string {
  return `ops_${randomBytes(48).toString("base64url")}`;
}

/** A value for every 1Password reference of the inventory; a real fleet's owner stores these by hand. */
export function vaultSeeds(plan: Pick<Plan, "secrets">, value: () => string = randomToken): readonly Seed[] {
  const references = new Set(plan.secrets.map(({ reference }) => reference));
  return [...references].map((reference) => ({ ...parseReference(reference), value }));
}

/** The greetings of sandbox services whose `options` name a secret, as lines of an environment file. */
const greetingSeeds = (services: Plan["services"]): readonly Seed[] =>
  services.flatMap(({ name, host, options }) => {
    const reference = options["secret"];
    if (typeof reference !== "string") return [];
    return [
      { ...parseReference(reference), value: () => `GREETING=${name} on ${host}, as 1Password has it` },
    ];
  });

/**
 * Fills the vault that `op` reads with `token`; existing values stay. The hosts' service account tokens are
 * accepted for the hosts' vaults only. Returns the number of new values.
 */
export function ensureVault(layout: Layout, plan: Plan, token: string): number {
  const greetings = greetingSeeds(plan.services);
  const seeds = [...vaultSeeds(plan), ...greetings];
  const ofHosts = plan.hosts.flatMap(({ name }) => hostVault(plan.inventory, name) ?? []);
  const vaults = [...new Set([plan.inventory.fleet.vault, ...ofHosts])];
  const made = seedVault(layout.vault, token, vaults, seeds);
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

/**
 * Deletes the items that the program made for keys of the tailnet (components/secrets/mapping.ts). Without a state,
 * a run would make each of them a second time.
 */
export function removeTailnetKeys(layout: Pick<Layout, "vault">): void {
  changeVault(layout.vault, (file) => {
    for (const vault of file.vaults)
      vault.items = vault.items.filter(({ title }) => !title.startsWith("tailnet key "));
  });
}
