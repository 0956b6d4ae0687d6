/** What `tools/pantheros doctor` checks at a provider before a stack's first run. */
import type { Plan } from "../inventory/plan.ts";
import type { Check } from "../lib/check.ts";

/** Given by the user, because no vendor's API has it. */
export interface AccountLimits {
  /** Servers that the account may have. */
  readonly servers?: number | undefined;
  /** Primary IP addresses that the account may have. */
  readonly addresses?: number | undefined;
}

export interface ProviderCheckArgs {
  readonly plan: Plan;
  readonly env: NodeJS.ProcessEnv;
  /** The stack's name without organization and project. */
  readonly stack: string;
  /** A key of the stack's file that belongs to a vendor, such as an endpoint. */
  readonly vendorConfig: (key: string) => string | undefined;
  readonly limits: AccountLimits;
}

/** Called for a plan that has hosts of the provider, decommissioned ones too. */
export type ProviderChecks = (args: ProviderCheckArgs) => Check[];
