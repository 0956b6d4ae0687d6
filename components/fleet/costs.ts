/**
 * What a stack costs in a month: the servers of its hosts with their addresses and backups, at the
 * vendor's prices of today.
 */
import * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../inventory/plan.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import { costText } from "../../preview/comment/words.ts";
import type { PreviewCost } from "../../preview/document.ts";
import type { Catalogue } from "../../providers/catalogue.ts";
import { addToPreview } from "../preview-part.ts";
import { readStackStateIfAny, type StackState } from "../stack-state.ts";
import type { CostItem } from "./cost-items.ts";
import { createdHosts, creatingKinds } from "./kinds.ts";
import { loadCatalogues } from "./providers.ts";

/** In hundredths, as prices are written. */
const rounded = (amount: number): number => Math.round(amount * 100) / 100;

/** Sums what has a price in the first one's currency, and names the others. */
function sum(items: readonly CostItem[]): { currency?: string; monthly: number; unpriced: string[] } {
  const currency = items.find(({ price }) => price !== undefined)?.price?.currency;
  const isCounted = ({ price }: CostItem) => price !== undefined && price.currency === currency;
  const total = items.filter(isCounted).reduce((amount, { price }) => amount + (price?.amount ?? 0), 0);
  const unpriced = items.filter((item) => !isCounted(item)).map(({ what }) => what);
  return { ...(currency !== undefined && { currency }), monthly: rounded(total), unpriced: unpriced.sort() };
}

/**
 * The cost after the run, and before it at the same prices, so that the difference is the change's
 * alone. Undefined when no price is known.
 * @param state before the run; undefined: it can't be read
 */
export function stackCost(
  plan: Pick<Plan, "hosts" | "retired">,
  catalogues: readonly Catalogue[],
  state: StackState | undefined,
): PreviewCost | undefined {
  const wanted = createdHosts(plan).flatMap((host) => catalogues.flatMap((each) => each.hostItems(host)));
  const existing = Object.entries(state?.outputs ?? {}).flatMap(([urn, { type, outputs }]) => {
    const resource = { type, name: nameOfUrn(urn), outputs };
    return catalogues.flatMap((each) => each.resourceItems(resource));
  });
  // The server of a decommissioned host stays.
  const retired = new Set(plan.retired.map(({ name }) => name));
  const kept = existing.filter(({ host }) => host !== undefined && retired.has(host));
  const before = sum(existing);
  const after = sum([...wanted, ...kept]);
  const currency = after.currency ?? before.currency;
  if (currency === undefined) return undefined;
  return {
    currency,
    monthly: after.monthly,
    ...(state !== undefined && { before: before.monthly }),
    ...(after.unpriced.length > 0 && { unpriced: after.unpriced }),
  };
}

async function askCost(plan: Plan): Promise<PreviewCost | undefined> {
  const [catalogues, state] = await Promise.all([loadCatalogues(plan), readStackStateIfAny()]);
  return stackCost(plan, catalogues, state);
}

/** By plan, of which a run has one: each run asks for the prices once. */
const costs = new WeakMap<Plan, Promise<PreviewCost | undefined>>();

/** `stackCost` at the providers' prices. */
export function planCost(plan: Plan): Promise<PreviewCost | undefined> {
  const cost = costs.get(plan) ?? askCost(plan);
  costs.set(plan, cost);
  return cost;
}

/** The sum that the last run published. */
function lastCost(state: StackState | undefined): StackOutputs["cost"] {
  const stack = Object.values(state?.outputs ?? {}).find(({ type }) => type === "pulumi:pulumi:Stack");
  const { monthly, currency } = (stack?.outputs["cost"] ?? {}) as { monthly?: unknown; currency?: unknown };
  return typeof monthly === "number" && typeof currency === "string" ? { monthly, currency } : undefined;
}

/** Of a stack without created machines. */
const NOTHING = { monthly: 0, currency: "EUR" };

/**
 * The stack's cost for its outputs; that of the last run when a vendor gives no prices. Logs the
 * difference in a preview, and adds the cost to its document.
 * @returns undefined when no price was ever known
 */
export async function publishedCost(plan: Plan): Promise<StackOutputs["cost"]> {
  if (creatingKinds(plan).length === 0) return NOTHING;
  const cost = await planCost(plan);
  if (cost === undefined) return lastCost(await readStackStateIfAny());
  addToPreview({ cost });
  if (pulumi.runtime.isDryRun() && cost.before !== undefined && cost.before !== cost.monthly)
    await pulumi.log.info(`cost: ${costText(cost)}`);
  return { monthly: cost.monthly, currency: cost.currency };
}
