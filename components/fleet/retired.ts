import * as pulumi from "@pulumi/pulumi";
import type { CreatedHost } from "../../inventory/plan.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { CreatedMachine } from "../machine.ts";
import { readStackState, type StackState } from "../stack-state.ts";

/** Addresses of a server that still exists; undefined: it is gone. */
export type RetiredServer = { readonly ipv4?: string; readonly ipv6?: string } | undefined;

function serverNamesInState({ outputs }: StackState, serverType: string): string[] {
  const servers = Object.entries(outputs).filter(([, { type }]) => type === serverType);
  return servers.map(([urn]) => nameOfUrn(urn));
}

/** Unknown must not count as gone: Pulumi deletes what the program leaves out. */
async function existingServerNames(serverType: string): Promise<string[]> {
  try {
    return serverNamesInState(await readStackState(), serverType);
  } catch (error) {
    throw new pulumi.RunError(
      `decommissioned hosts: the stack's state can't be read, so it is unknown whether their servers exist: ${error}; ` +
        "if this stack never had them, remove their tables from the inventory",
    );
  }
}

/**
 * Declares the servers of decommissioned hosts that are in the stack's state, so that they stay. It
 * never creates one.
 * @param serverType type of the provider's server resources
 */
export function retiredServers(
  hosts: readonly CreatedHost[],
  serverType: string,
  make: (host: CreatedHost) => CreatedMachine,
): Readonly<Record<string, pulumi.Output<RetiredServer>>> {
  if (hosts.length === 0) return {};
  const existing = pulumi.output(existingServerNames(serverType));
  return Object.fromEntries(
    hosts.map((host) => {
      const names = [host.name, host.formerly].map((name) => `${name}-server`);
      const server = existing.apply((found): pulumi.Output<RetiredServer> => {
        if (!names.some((name) => found.includes(name))) return pulumi.output(undefined);
        const { ipv4, ipv6 } = make(host);
        return pulumi.all([ipv4, ipv6]).apply(([v4, v6]) => ({
          ...(v4 !== undefined && { ipv4: v4 }),
          ...(v6 !== undefined && { ipv6: v6 }),
        }));
      });
      return [host.name, server] as const;
    }),
  );
}
