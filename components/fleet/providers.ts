/** The providers of a plan's hosts, loaded. */
import type { CreatedHost, Plan } from "../../inventory/plan.ts";
import type { Catalogue } from "../../providers/catalogue.ts";
import { loadPart, loadPartIfAny } from "../../providers/parts.ts";
import type { AdoptingProvider, ServerProvider } from "../provider.ts";
import { creatingKinds } from "./kinds.ts";

export interface Providers {
  /** Providers of created machines by kind, of decommissioned ones too. */
  readonly creating: ReadonlyMap<string, ServerProvider>;
  readonly adopting: AdoptingProvider;
}

/** A stack loads no SDK of a provider that it has no host of. */
export const loadProviders = async (plan: Pick<Plan, "hosts" | "retired">): Promise<Providers> => ({
  creating: new Map(
    await Promise.all(
      creatingKinds(plan).map(async (kind) => [kind, await loadPart(kind, "servers")] as const),
    ),
  ),
  adopting: await loadPart("existing", "machines"),
});

/** The provider of a created host. */
export function serverProvider(
  { creating }: Providers,
  { provider }: Pick<CreatedHost, "provider">,
): ServerProvider {
  const found = creating.get(provider.kind);
  if (found === undefined) throw new Error(`the provider "${provider.kind}" is not loaded`);
  return found;
}

/** The catalogues that the plan's providers have and give. */
export async function loadCatalogues(plan: Pick<Plan, "hosts" | "retired">): Promise<Catalogue[]> {
  const opened = creatingKinds(plan).map(async (kind) => (await loadPartIfAny(kind, "catalogue"))?.());
  return (await Promise.all(opened)).filter((each) => each !== undefined);
}
