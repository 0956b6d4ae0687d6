/**
 * Builds the arguments of a host's probe from the inventory, the settings and the outputs of the
 * last run.
 */

import { outsideJump } from "../../deployer/jumps.ts";
import type { ProbeArgs } from "../../deployer/probe.ts";
import type { SshJump } from "../../deployer/ssh.ts";
import { readKnownHosts } from "../../inventory/known-hosts.ts";
import type { Plan } from "../../inventory/plan.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { addressPortOf, type Jump, jumpsTo, sshPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { messageOf } from "../../lib/message-of.ts";
import type { StackOutputs } from "../../outputs/contract.ts";
import type { Settings } from "../../settings/settings.ts";

/** Sources of a host's address and pinned key. */
export interface ProbeSources {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly outputs: StackOutputs | undefined;
}

/** Connection data of a jump host outside of the inventory; or why the host behind it cannot be asked. */
function outsideJumpOf(
  { plan, settings }: ProbeSources,
  name: string,
  jump: Exclude<Jump, string>,
): SshJump | string {
  try {
    const pins = readKnownHosts(settings.knownHostsFile);
    return outsideJump(name, jump, { deployUser: plan.inventory.deploy.user, pins });
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Arguments for the connection that a deploy would make; or a string, the reason why the host
 * cannot be asked.
 * @param timeoutSeconds limit of the whole probe; `[deploy.seconds] connect` bounds the connection
 *   within it
 */
export function probeArgsOf(sources: ProbeSources, name: string, timeoutSeconds: number): ProbeArgs | string {
  const { plan, settings, outputs } = sources;
  const host = plan.hosts.find((each) => each.name === name);
  const published = entryOf(outputs?.hosts ?? {}, name);
  if (host === undefined || published?.hostKey === undefined) return "the stack has never deployed it";
  const { deploy, tailnet } = plan.inventory;
  const { provider } = host;
  const own =
    provider.kind === "existing" ? (entryOf(settings.addresses, name) ?? provider.address) : undefined;
  const tailnetName = tailnet && (published.addresses.tailnet ?? `${name}.${tailnet.suffix}`);
  const overTailnet =
    deploy.address === "tailnet" && tailnetName !== undefined && host.ssh.jump === undefined;
  const address = overTailnet
    ? tailnetName
    : (own ?? published.addresses.ipv4 ?? published.addresses.ipv6 ?? tailnetName);
  if (address === undefined) return "its address is unknown";
  const jumps = jumpsTo(plan.inventory, name).map((jump): SshJump | string => {
    if (typeof jump !== "string") return outsideJumpOf(sources, name, jump);
    const asked = probeArgsOf(sources, jump, timeoutSeconds);
    if (typeof asked === "string") return `its jump host ${jump}: ${asked}`;
    const { host: hop, address: at, port = SSH_PORT, user, hostKey } = asked;
    return { host: hop, address: at, port, user, hostKey };
  });
  const unknown = jumps.find((jump) => typeof jump === "string");
  if (unknown !== undefined) return unknown;
  return {
    host: name,
    address,
    user: deploy.user,
    hostKey: published.hostKey,
    port: overTailnet ? sshPortOf(plan.inventory, host) : addressPortOf(plan.inventory, host),
    formerPort: host.ssh.formerPort,
    ...(jumps.length > 0 && { jumps: jumps.filter((jump) => typeof jump !== "string") }),
    // Root is tried only on machines that were never deployed to.
    maybeUnmanaged: false,
    identity: settings.sshKey,
    connectSeconds: Math.min(deploy.seconds.connect, timeoutSeconds),
    timeoutSeconds,
  };
}
