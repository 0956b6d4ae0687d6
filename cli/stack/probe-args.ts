/** How the hosts of a stack are asked for their status, from the inventory, the settings and the outputs of the last run. */

import type { ProbeArgs } from "../../deployer/probe.ts";
import type { Plan } from "../../inventory/plan.ts";
import { addressPortOf, sshPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";

/** What a host's address and pinned key are found from. */
export interface AskedStack {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly outputs: StackOutputs | undefined;
}

/**
 * The connection that a deploy would make; a string: why the host cannot be asked.
 * @param timeoutSeconds limit of the whole question; `[deploy.seconds] connect` bounds the connection in it
 */
export function probeArgsOf(
  { plan, settings, outputs }: AskedStack,
  name: string,
  timeoutSeconds: number,
): ProbeArgs | string {
  const host = plan.hosts.find((each) => each.name === name);
  const published = entryOf(outputs?.hosts ?? {}, name);
  if (host === undefined || published?.hostKey === undefined) return "the stack has never deployed it";
  const { deploy, tailnet } = plan.inventory;
  const { provider } = host;
  const own =
    provider.kind === "existing" ? (entryOf(settings.addresses, name) ?? provider.address) : undefined;
  const tailnetName = tailnet && `${name}.${tailnet.suffix}`;
  const overTailnet = deploy.address === "tailnet" && tailnetName !== undefined;
  const address = overTailnet
    ? tailnetName
    : (own ?? published.addresses.ipv4 ?? published.addresses.ipv6 ?? tailnetName);
  if (address === undefined) return "its address is unknown";
  return {
    host: name,
    address,
    user: deploy.user,
    hostKey: published.hostKey,
    port: overTailnet ? sshPortOf(plan.inventory, host) : addressPortOf(plan.inventory, host),
    formerPort: host.ssh.formerPort,
    // Only the deploy user: its supervisor answers. Root is for machines that were never deployed to.
    maybeUnmanaged: false,
    identity: settings.sshKey,
    connectSeconds: Math.min(deploy.seconds.connect, timeoutSeconds),
    timeoutSeconds,
  };
}
