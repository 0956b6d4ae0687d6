/** Adopted machines, as the fleet uses them. */
import { isIPv4, isIPv6 } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { formerNames } from "../../components/former-names.ts";
import type { AdoptingProvider, ProviderContext } from "../../components/provider.ts";
import { type KnownHosts, pinnedHostKey, readKnownHosts, skippedLines } from "../../inventory/known-hosts.ts";
import { canonicalAddress } from "../../inventory/machine-checks.ts";
import type { ExistingHost } from "../../inventory/plan.ts";
import { addressPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import {
  ExistingServer,
  type ExistingServerArgs,
  existingServerProblems,
  samePinProblems,
} from "./server.ts";

/** Inventory -> arguments of one machine. */
function existingArgs(
  host: ExistingHost,
  { plan, settings }: ProviderContext,
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

export const machines: AdoptingProvider = {
  // A machine that is off cannot be powered on.
  prepare: async (_answer, context) => ({
    power: new Map(),
    problems: [],
    declare(hosts, parent) {
      const pins = readKnownHosts(context.settings.knownHostsFile);
      for (const line of skippedLines(pins)) pulumi.log.warn(line);
      const all = new Map(hosts.map((host) => [host.name, existingArgs(host, context, pins)]));
      const adopting = [...all.values()];
      for (const { pinWarning } of adopting) if (pinWarning !== undefined) pulumi.log.warn(pinWarning);
      const problems = [...adopting.flatMap(existingServerProblems), ...samePinProblems(adopting)];
      if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
      return (host) => {
        const args = all.get(host.name) ?? existingArgs(host, context, pins);
        return new ExistingServer(host.name, args, { parent, ...formerNames(host) });
      };
    },
  }),
  known(host, context) {
    const pins = readKnownHosts(context.settings.knownHostsFile);
    const { address = "", ipv6, hostKey } = existingArgs(host, context, pins);
    const second = ipv6 ?? (isIPv6(address) ? address : undefined);
    return { ...(isIPv4(address) && { ipv4: address }), ipv6: second, hostKey };
  },
};
