import type * as pulumi from "@pulumi/pulumi";
import { type CreatedHost, isDisposable, isExisting } from "../../inventory/plan.ts";
import type { AdoptedMachine, CreatedMachine, Machine } from "../machine.ts";
import type { ProviderContext } from "../provider.ts";
import { createdHosts } from "./kinds.ts";
import { serverProvider } from "./providers.ts";
import { type RetiredServer, retiredServers } from "./retired.ts";
import type { Servers } from "./servers.ts";

/** The stack's machines by host name. */
export interface Machines {
  readonly created: ReadonlyMap<string, CreatedMachine>;
  readonly adopted: ReadonlyMap<string, AdoptedMachine>;
  /** Servers of decommissioned hosts, which are not deployed to. */
  readonly retired: Readonly<Record<string, pulumi.Output<RetiredServer>>>;
}

/** The machine of a host in service, created or adopted. */
export const machineOf = ({ created, adopted }: Machines, host: string): Machine | undefined =>
  created.get(host) ?? adopted.get(host);

/**
 * Creates and adopts the machines of a stack.
 * @throws pulumi.RunError with all problems of the adopted ones, before any resource is registered.
 */
export function machinesOf(
  { plan }: ProviderContext,
  { adopting, creating, providers }: Servers,
  parent: pulumi.Resource,
): Machines {
  const existing = plan.hosts.filter(isExisting);
  const adopt = adopting.declare(existing, parent);
  const inService = createdHosts(plan);
  // In a disposable stack a retired server with `delete` needs no run that unprotects it first.
  const stays = plan.retired.filter(({ decommission }) => decommission === "keep" || !isDisposable(plan));
  const created = new Map<string, CreatedMachine>();
  let retired: Machines["retired"] = {};
  for (const [kind, { declare }] of creating) {
    const own = ({ provider }: CreatedHost): boolean => provider.kind === kind;
    const hosts = [...inService, ...stays].filter(own);
    const [first] = hosts;
    if (first === undefined) continue;
    const make = declare(hosts, parent);
    for (const host of inService.filter(own)) created.set(host.name, make(host));
    const { serverType } = serverProvider(providers, first);
    retired = { ...retired, ...retiredServers(stays.filter(own), serverType, make) };
  }
  const adopted = new Map(existing.map((host) => [host.name, adopt(host)]));
  return { created, adopted, retired };
}
