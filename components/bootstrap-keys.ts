import { existsSync, readFileSync } from "node:fs";
import type { Plan } from "../inventory/plan.ts";
import { sshfpOf } from "../lib/ssh-public-key.ts";
import type { Settings } from "../settings/settings.ts";

/**
 * Public keys that may log in to a machine before it is installed: the inventory's, and that of the
 * private key that this run deploys with. Key name -> key.
 */
export function bootstrapKeys(plan: Plan, settings: Settings): Record<string, string> {
  const keys = [...plan.inventory.deploy.authorizedKeys];
  const beside = settings.sshKey && `${settings.sshKey}.pub`;
  if (beside && existsSync(beside)) keys.push(readFileSync(beside, "utf8").trim());
  // Named by fingerprint: a vendor refuses the same key under two names, even while one is being renamed.
  return Object.fromEntries(keys.map((key) => [sshfpOf(key).fingerprint.slice(0, 12), key]));
}
