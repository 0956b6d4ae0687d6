/** The stack's machines at the start of a run, prepared by their providers. */
import type { CreatedHost, ExistingHost } from "../../inventory/plan.ts";
import type { AdoptedMachine, CreatedMachine } from "../machine.ts";
import type { HostPower } from "../nixos-host/power.ts";
import type { PreflightAnswer, Prepared, ProviderContext } from "../provider.ts";
import type { Providers } from "./providers.ts";

export interface Servers {
  readonly providers: Providers;
  /** By the provider's kind. */
  readonly creating: ReadonlyMap<string, Prepared<CreatedHost, CreatedMachine>>;
  readonly adopting: Prepared<ExistingHost, AdoptedMachine>;
  /** Hosts whose machines are off or start in this run. */
  readonly power: ReadonlyMap<string, HostPower>;
  /** Further problems of the stack, each naming its host. */
  readonly problems: readonly string[];
}

/**
 * Stops a run that a vendor would refuse, logs warnings, and powers servers on.
 * @param answers of the vendors, by the provider's kind
 * @throws pulumi.RunError with one line for each problem, before any resource is registered.
 */
export async function prepareServers(
  providers: Providers,
  answers: ReadonlyMap<string, PreflightAnswer>,
  context: ProviderContext,
): Promise<Servers> {
  const adopting = await providers.adopting.prepare(undefined, context);
  const creating = new Map<string, Prepared<CreatedHost, CreatedMachine>>();
  // In turn, so that the problems of the first provider are reported before the next powers servers on.
  for (const [kind, provider] of providers.creating)
    creating.set(kind, await provider.prepare(answers.get(kind), context));
  const all = [adopting, ...creating.values()];
  return {
    providers,
    creating,
    adopting,
    power: new Map(all.flatMap(({ power }) => [...power])),
    problems: all.flatMap(({ problems }) => problems),
  };
}
