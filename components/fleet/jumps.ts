/** The jump hosts on the way to a host, with the addresses and pinned keys of their machines. */
import * as pulumi from "@pulumi/pulumi";
import { outsideJump } from "../../deployer/jumps.ts";
import type { SshJump } from "../../deployer/ssh.ts";
import type { KnownHosts } from "../../inventory/known-hosts.ts";
import type { Plan } from "../../inventory/plan.ts";
import { jumpsTo } from "../../inventory/ssh.ts";

/** Where a host of the stack is reached, and its host key. */
type Endpoint = (name: string) => {
  readonly address: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly hostKey: pulumi.Output<string>;
};

/** The jump hosts in order from the runner; undefined for a host without one. */
export function jumpsOf(
  plan: Plan,
  name: string,
  { pins, endpoint }: { readonly pins: KnownHosts; readonly endpoint: Endpoint },
): pulumi.Output<SshJump[]> | undefined {
  const chain = jumpsTo(plan.inventory, name);
  if (chain.length === 0) return undefined;
  const { user } = plan.inventory.deploy;
  return pulumi.all(
    chain.map((jump): pulumi.Input<SshJump> => {
      if (typeof jump !== "string") return outsideJump(name, jump, { deployUser: user, pins });
      const { address, port, hostKey } = endpoint(jump);
      return pulumi
        .all([address, port, hostKey])
        .apply(([at, sshPort, key]) => ({ host: jump, address: at, port: sshPort, user, hostKey: key }));
    }),
  );
}
