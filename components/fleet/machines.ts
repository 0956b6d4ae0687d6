import { existsSync, readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { type KnownHosts, pinnedHostKey, readKnownHosts, skippedLines } from "../../inventory/known-hosts.ts";
import { canonicalAddress } from "../../inventory/machine-checks.ts";
import {
  type ExistingHost,
  type HetznerHost,
  isExisting,
  isHetzner,
  type Plan,
} from "../../inventory/plan.ts";
import { addressPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { sshfpOf } from "../../lib/ssh-public-key.ts";
import type { Settings } from "../../settings/settings.ts";
import {
  ExistingServer,
  type ExistingServerArgs,
  existingServerProblems,
  samePinProblems,
} from "../existing-server.ts";
import { formerNames } from "../former-names.ts";
import { HetznerAccount } from "../hetzner-server/account.ts";
import { hetznerServerArgs, isDisposable, placementGroupNames } from "../hetzner-server/mapping.ts";
import { HetznerServer } from "../hetzner-server/server.ts";
import type { Machine } from "../machine.ts";
import { type RetiredServer, retiredServers } from "./retired.ts";
import type { Servers } from "./servers.ts";

/** The stack's machines by host name. */
export interface Machines {
  readonly created: ReadonlyMap<string, HetznerServer>;
  readonly adopted: ReadonlyMap<string, ExistingServer>;
  /** Servers of decommissioned hosts, which are not deployed to. */
  readonly retired: Readonly<Record<string, pulumi.Output<RetiredServer>>>;
}

/** The machine of a host in service, created or adopted. */
export const machineOf = ({ created, adopted }: Machines, host: string): Machine | undefined =>
  created.get(host) ?? adopted.get(host);

/**
 * Public keys that may log in to a machine before it is installed: the inventory's, and that of the
 * private key that this run deploys with. Key name -> key.
 */
export function bootstrapKeys(plan: Plan, settings: Settings): Record<string, string> {
  const keys = [...plan.inventory.deploy.authorizedKeys];
  const beside = settings.sshKey && `${settings.sshKey}.pub`;
  if (beside && existsSync(beside)) keys.push(readFileSync(beside, "utf8").trim());
  // Named by fingerprint: the vendor refuses the same key under two names, even while one is being renamed.
  return Object.fromEntries(keys.map((key) => [sshfpOf(key).fingerprint.slice(0, 12), key]));
}

/** Inventory -> arguments of one adopted machine. */
export function existingArgs(
  host: ExistingHost,
  plan: Plan,
  settings: Settings,
  pins: KnownHosts,
): ExistingServerArgs {
  const { provider } = host;
  const tailnetName = plan.inventory.tailnet && `${host.name}.${plan.inventory.tailnet.suffix}`;
  const address = entryOf(settings.addresses, host.name) ?? provider.address ?? tailnetName;
  const names = [host.name, host.formerly, address, provider.address, tailnetName]
    .filter((name) => name !== undefined)
    .flatMap((name) => [name, canonicalAddress(name)]);
  const sshPort = addressPortOf(plan.inventory, host);
  const pin = pinnedHostKey(pins, names, sshPort);
  return {
    hostname: host.name,
    address,
    ipv6: provider.ipv6,
    sshPort,
    hostKey: provider.hostKey ?? pin.key,
    pinProblem: pin.problem,
    pinWarning: pin.warning,
    knownHostsFile: settings.knownHostsFile,
  };
}

/**
 * Creates and adopts the machines of a stack.
 * @throws pulumi.RunError with all problems of the adopted ones, before any resource is registered.
 */
export function machinesOf(
  plan: Plan,
  settings: Settings,
  servers: Servers,
  parent: pulumi.Resource,
): Machines {
  const pins = readKnownHosts(settings.knownHostsFile);
  for (const line of skippedLines(pins)) pulumi.log.warn(line);
  const existing = plan.hosts
    .filter(isExisting)
    .map((host) => [host, existingArgs(host, plan, settings, pins)] as const);
  const adopting = existing.map(([, args]) => args);
  for (const { pinWarning } of adopting) if (pinWarning !== undefined) pulumi.log.warn(pinWarning);
  const problems = [...adopting.flatMap(existingServerProblems), ...samePinProblems(adopting)];
  if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));

  const inService = plan.hosts.filter(isHetzner);
  // In a disposable stack a retired server with `delete` needs no run that unprotects it first.
  const stays = plan.retired.filter(({ decommission }) => decommission === "keep" || !isDisposable(plan));
  const hetzner = [...inService, ...stays];
  const created = new Map<string, HetznerServer>();
  let retired: Machines["retired"] = {};
  if (hetzner.length > 0) {
    const account = new HetznerAccount(
      "hetzner",
      {
        stack: settings.stack,
        publicKeys: bootstrapKeys(plan, settings),
        placementGroups: placementGroupNames(hetzner),
      },
      { parent },
    );
    const make = (host: HetznerHost) => {
      const args = { ...hetznerServerArgs(host, plan, settings.stack, account), ...servers.argsOf(host) };
      return new HetznerServer(host.name, args, { parent, ...formerNames(host) });
    };
    for (const host of inService) created.set(host.name, make(host));
    retired = retiredServers(stays, make);
  }
  const adopted = new Map(
    existing.map(([host, args]) => [
      host.name,
      new ExistingServer(host.name, args, { parent, ...formerNames(host) }),
    ]),
  );
  return { created, adopted, retired };
}
