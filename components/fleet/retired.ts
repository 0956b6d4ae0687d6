import * as pulumi from "@pulumi/pulumi";
import type { HetznerHost } from "../../inventory/plan.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { HetznerServer } from "../hetzner-server/server.ts";
import { readStackState, stackState } from "../stack-state.ts";

/** Addresses of a server that still exists; undefined: there is none any more. */
export type RetiredServer = { readonly ipv4?: string; readonly ipv6?: string } | undefined;

/** Names of the servers in the answer of `readStackResourceOutputs`. */
export function serverNamesInState(answer: unknown): string[] {
  const { outputs } = stackState.parse(answer);
  const servers = Object.entries(outputs).filter(([, { type }]) => type === "hcloud:index/server:Server");
  return servers.map(([urn]) => nameOfUrn(urn));
}

/** Not knowing must not pass for "there is none": what is left out of the program is deleted. */
async function existingServerNames(): Promise<string[]> {
  try {
    return serverNamesInState(await readStackState());
  } catch (error) {
    throw new pulumi.RunError(
      `decommissioned hosts: whether their servers still exist can't be read from the stack's own state: ${error}; ` +
        "in a stack that never had them take their tables out",
    );
  }
}

/**
 * Declares the servers of decommissioned hosts that the stack has, so that they stay; never one that it has not, since a host
 * that is out of service is no reason to make a server.
 */
export function retiredServers(
  hosts: readonly HetznerHost[],
  make: (host: HetznerHost) => HetznerServer,
): Readonly<Record<string, pulumi.Output<RetiredServer>>> {
  if (hosts.length === 0) return {};
  const existing = pulumi.output(existingServerNames());
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
