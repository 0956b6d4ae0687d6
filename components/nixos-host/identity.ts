/** Whether two hosts of a stack are the same machine, which the inventory alone cannot show. */

import type { Probe } from "../../deployer/probe.ts";
import { ONE_MACHINE_REMEDY } from "../../inventory/machine-checks.ts";

/** What identifies a host's machine. */
export interface Identity {
  readonly host: string;
  /** Pinned public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  readonly probe: Probe;
}

export interface IdentityFindings {
  /** Host -> why it is not touched: its machine also belongs to another host. */
  readonly refused: Readonly<Record<string, string>>;
  /** The same as messages, one line for each pair. */
  readonly problems: string[];
  /** One line for each pair of machines that were made from one image, ids included. */
  readonly warnings: string[];
}

/** A machine-id(5); anything else, such as "uninitialized", identifies nothing. */
const MACHINE_ID = /^[0-9a-f]{32}$/;

function machineOf({ probe }: Identity): { readonly id: string; readonly boot: string } | undefined {
  if (!probe.reached) return undefined;
  const { machineId, bootId } = probe.status;
  if (machineId == null || bootId == null || !MACHINE_ID.test(machineId)) return undefined;
  return { id: machineId, boot: bootId };
}

interface Finding {
  readonly hosts: readonly [string, string];
  /** Set when they are one machine: the evidence and the remedy. */
  readonly same?: string;
  /** Set when they are two machines with the same machine id: the id. */
  readonly copied?: string;
}

function compare(a: Identity, b: Identity): Finding {
  const hosts = [a.host, b.host] as const;
  const [first, second] = [machineOf(a), machineOf(b)];
  const sameId = first !== undefined && first.id === second?.id;
  // Boot ids are random: machines made from one image share the machine id, never a boot id.
  if (sameId && first.boot === second.boot) {
    return { hosts, same: `machine id ${first.id}; ${ONE_MACHINE_REMEDY}` };
  }
  if (a.hostKey === b.hostKey) {
    const copied =
      "if they are two machines made from one image: on one of them run rm /etc/ssh/ssh_host_*, ssh-keygen -A, restart sshd, and pin the new key";
    return { hosts, same: `the same SSH host key; ${ONE_MACHINE_REMEDY}; ${copied}` };
  }
  return sameId ? { hosts, copied: first.id } : { hosts };
}

export function identityFindings(all: readonly Identity[]): IdentityFindings {
  const found = all.flatMap((b, at) => all.slice(0, at).map((a) => compare(a, b)));
  const duplicates = found.flatMap(({ hosts: [a, b], same }) => (same === undefined ? [] : [{ a, b, same }]));
  const reason = (other: string, same: string) => `its machine is also hosts.${other}: ${same}`;
  return {
    refused: Object.fromEntries(
      duplicates.flatMap(({ a, b, same }) => [
        [a, reason(b, same)],
        [b, reason(a, same)],
      ]),
    ),
    problems: duplicates.map(
      ({ a, b, same }) => `hosts.${b}: neither it nor hosts.${a} is deployed to: ${reason(a, same)}`,
    ),
    warnings: found.flatMap(({ hosts: [a, b], copied }) =>
      copied === undefined
        ? []
        : `hosts.${b}: has the machine id of hosts.${a} (${copied}): two machines made from one image. ` +
          "Journals, DHCP leases and `reinstall` tell machines apart by it: on one of them run rm /etc/machine-id, systemd-machine-id-setup, reboot",
    ),
  };
}
