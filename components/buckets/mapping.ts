import type { Plan } from "../../inventory/plan.ts";
import type { BucketsArgs } from "./buckets.ts";

/**
 * Inventory -> arguments of the stack's buckets; undefined when it has none.
 * @param endpoint store's URL when it is not B2's for the inventory's region.
 */
export function bucketsArgs(plan: Plan, endpoint: string | undefined): BucketsArgs | undefined {
  const { storage } = plan.inventory;
  if (storage === undefined || plan.buckets.length === 0) return undefined;
  return {
    region: storage.region,
    endpoint,
    buckets: plan.buckets.map(({ key, name, purpose, publicRead, noncurrentDays, expireDays }) => ({
      key,
      name,
      purpose,
      ...(publicRead && { publicRead }),
      noncurrentDays,
      expireDays,
    })),
    protect: plan.settings.protect,
    disposable: plan.settings.disposable,
  };
}
