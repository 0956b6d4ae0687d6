/** Maps the inventory and the settings to arguments of NixosHost, one function for each concern. */
import * as pulumi from "@pulumi/pulumi";
import { isBuiltTrusted } from "../../inventory/builders.ts";
import type { KnownHosts } from "../../inventory/known-hosts.ts";
import { isExisting, type Plan } from "../../inventory/plan.ts";
import { isCreated } from "../../inventory/providers.ts";
import { changedLimits } from "../../inventory/seconds.ts";
import { isReachedPublicly, jumpsTo, sshPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { Settings } from "../../settings/settings.ts";
import type { CreatedMachine, Machine } from "../machine.ts";
import type { NixosHost, NixosHostArgs } from "../nixos-host/nixos-host.ts";
import type { WaveHost } from "../nixos-host/waves.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { installArgs } from "./installs.ts";
import { jumpsOf } from "./jumps.ts";
import { type Machines, machineOf } from "./machines.ts";
import type { Providers } from "./providers.ts";

/** A host that the stack's deploys reach. */
export type StackHost = Plan["hosts"][number];

/** Arguments that are the same for all hosts. */
export function commonArgs(
  { inventory: { deploy, cache } }: Plan,
  { sshKey, probe }: Settings,
): Pick<NixosHostArgs, "user" | "identity" | "probe" | "bootSeconds" | "push" | "seconds"> {
  const { connect, probe: probing, build, sign, push, substitute, copy, install } = deploy.seconds;
  return {
    user: deploy.user,
    identity: sshKey,
    probe: probe !== "off",
    bootSeconds: install.boot,
    push: cache.push,
    seconds: {
      ...changedLimits({ connect, probe: probing, build, sign, push, substitute, copy }),
      health: deploy.healthSeconds,
      confirm: deploy.confirmSeconds,
      switch: deploy.switchSeconds,
      reboot: deploy.rebootSeconds,
    },
  };
}

/** A plan, with the tailnet names of the hosts that have joined. */
interface NamedPlan {
  readonly plan: Plan;
  readonly settings: Pick<Settings, "addresses">;
  readonly tailnetNames: pulumi.Input<Readonly<Record<string, string>>>;
}

/**
 * Address and port at which deploys reach a host's sshd: its tailnet name, or its own address with
 * `[deploy] address = "public"` or a jump host.
 */
function deployEndpoint(
  { plan, settings, tailnetNames }: NamedPlan,
  host: StackHost,
  machine: Machine,
  renamed?: pulumi.Output<unknown>,
): { readonly address: pulumi.Output<string>; readonly port: pulumi.Output<number> } {
  const { tailnet } = plan.inventory;
  // An adopted machine without an address of its own is reached over the tailnet, where its device
  // may have a different name than the host, such as NAME-1.
  const hasAddress =
    !isExisting(host) || (entryOf(settings.addresses, host.name) ?? host.provider.address) !== undefined;
  if ((isReachedPublicly(plan.inventory, host) && hasAddress) || tailnet === undefined) {
    return { address: machine.address, port: machine.sshPort };
  }
  // Depends on the machine, so that no host is probed before it exists.
  const address = pulumi
    .all([tailnetNames, machine.address, renamed])
    .apply(([names]) => entryOf(names, host.name) ?? `${host.name}.${tailnet.suffix}`);
  return { address, port: pulumi.output(sshPortOf(plan.inventory, host)) };
}

/** Sources of the jump hosts on the way to a host. */
export interface JumpContext extends NamedPlan {
  readonly machines: Machines;
  readonly pins: KnownHosts;
}

/** The jump hosts on the way to a host of the stack. */
function jumpsFor(context: JumpContext, name: string): NixosHostArgs["jumps"] {
  const { plan, machines, pins } = context;
  const endpoint = (jump: string) => {
    const host = plan.hosts.find((each) => each.name === jump);
    const machine = machineOf(machines, jump);
    if (host === undefined || machine === undefined)
      throw new Error(`${jump}, the jump host of ${name}, has no machine`);
    return { ...deployEndpoint(context, host, machine), hostKey: machine.hostKey };
  };
  return jumpsOf(plan, name, { pins, endpoint });
}

/** A host's jump hosts. Those that the stack deploys to must be in `hosts` already (jumpsFirst). */
export function jumpArgs(
  context: JumpContext,
  { name }: StackHost,
  hosts: ReadonlyMap<string, NixosHost>,
): Pick<NixosHostArgs, "jumps" | "through"> {
  const chain = jumpsTo(context.plan.inventory, name);
  return {
    jumps: jumpsFor(context, name),
    through: chain.flatMap((jump) => (typeof jump === "string" ? (hosts.get(jump) ?? []) : [])),
  };
}

/** Sorts hosts by wave, and within a wave each after its jump hosts. */
export function jumpsFirst<T extends WaveHost>(order: readonly T[], { inventory }: Plan): T[] {
  const depth = ({ name }: T) => jumpsTo(inventory, name).length;
  return [...order].sort((a, b) => a.wave - b.wave || depth(a) - depth(b));
}

/** How a host is reached. `renamed` resolves when a renamed host has its new name in the tailnet. */
export function connectionArgs(
  plan: NamedPlan,
  planned: StackHost,
  machine: Machine,
  renamed: pulumi.Output<unknown> | undefined,
): Pick<NixosHostArgs, "host" | "address" | "port" | "formerPort" | "hostKey"> {
  return {
    host: planned.name,
    ...deployEndpoint(plan, planned, machine, planned.formerly === undefined ? undefined : renamed),
    formerPort: planned.ssh.formerPort,
    hostKey: machine.hostKey,
  };
}

/** Sources of the arguments of a host's installation. */
export interface InstallationSources {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly host: StackHost;
  /** Its server; undefined for an adopted machine. */
  readonly created: CreatedMachine | undefined;
  readonly providers: Providers;
  readonly secrets: readonly HostSecret[];
}

/** How NixOS is installed on a created server; nothing for an adopted machine. */
export function installationArgs({
  plan,
  settings,
  host,
  created,
  providers,
  secrets,
}: InstallationSources): Pick<NixosHostArgs, "install" | "maybeUnmanaged"> {
  if (created === undefined || !isCreated(host)) return { maybeUnmanaged: true };
  return {
    maybeUnmanaged: false,
    install: {
      address: created.address,
      bootstrapKey: created.bootstrapHostKey,
      hostPrivateKey: created.hostKeyPrivate,
      machineId: created.serverId,
      ...installArgs(host, { plan, settings }, { secrets, providers, ipv6: created.ipv6 }),
    },
  };
}

/**
 * Where a host is built; empty for the runner. The builder's deploy is not awaited: its old system
 * can build too.
 */
export function buildArgs(
  context: JumpContext,
  { name: host, build: builder = "local", buildKey }: StackHost,
): Pick<NixosHostArgs, "build" | "signer"> {
  const { plan, machines } = context;
  if (builder === "local") return {};
  const signer = isBuiltTrusted(plan.inventory, host) ? "fleet" : buildKey;
  if (signer === undefined) throw new Error(`hosts.${host}.build_key is missing`);
  if (builder === "target") return { build: builder, signer };
  const machine = machineOf(machines, builder);
  if (machine === undefined) throw new Error(`${builder}, which builds for ${host}, has no machine`);
  const planned = plan.hosts.find(({ name }) => name === builder);
  if (planned === undefined) throw new Error(`${builder}, which builds for ${host}, is not in this stack`);
  const jumps = jumpsFor(context, builder);
  const endpoint = { ...deployEndpoint(context, planned, machine), hostKey: machine.hostKey };
  return { build: { host: builder, ...endpoint, ...(jumps && { jumps }) }, signer };
}

/** The stack's hosts in wave order, and the names of the hosts that each waits for. */
export interface WaveOrder {
  readonly order: readonly WaveHost[];
  readonly awaited: Readonly<Record<string, readonly string[]>>;
}

/**
 * What a host waits for. A pinned host waits for no wave. It holds later waves, because it has not
 * tried the new system.
 * @param hosts hosts of earlier waves
 */
export function orderArgs(
  { name, wave }: WaveHost,
  { order, awaited }: WaveOrder,
  pins: Settings["pins"],
  hosts: ReadonlyMap<string, NixosHost>,
): Pick<NixosHostArgs, "after" | "held" | "pin"> {
  const pin = entryOf(pins, name);
  if (pin !== undefined) return { after: [], held: [], pin };
  const earlier = entryOf(awaited, name) ?? [];
  const pinned = order.filter((host) => host.wave < wave && Object.hasOwn(pins, host.name));
  return {
    after: earlier.flatMap((host) => hosts.get(host) ?? []),
    held: pinned.map((host) => `${host.name} (pinned)`),
    pin,
  };
}
