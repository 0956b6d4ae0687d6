/** A provider's catalogue: what a stack's hosts and resources cost in a month. */
import type { CostItem, StateResource } from "../components/fleet/cost-items.ts";
import type { CreatedHost } from "../inventory/plan.ts";

export interface Catalogue {
  /** What a host costs: its server, addresses and backups. */
  hostItems(host: CreatedHost): CostItem[];
  /** What a resource of the state costs, with its host; none: it is free, or another provider's. */
  resourceItems(resource: StateResource): CostItem[];
}

/** Reads the catalogue; undefined without a token, and when the vendor gives none. Never throws. */
export type OpenCatalogue = () => Promise<Catalogue | undefined>;
