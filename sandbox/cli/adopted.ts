import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ExistingHost } from "../../inventory/plan.ts";
import type { NewMachine } from "../machines/machines.ts";
import { ensureKeyPair, writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";

/** A machine that exists before the program's first run; the deploy key logs in as root. */
export function adoptedMachine(
  host: ExistingHost,
  deployKey: string,
  hostKey: { readonly privateKey: string; readonly publicKey: string },
): NewMachine {
  const { address, ipv6 } = host.provider;
  if (address === undefined) {
    throw new Error(`hosts.${host.name}.provider: set an address; the sandbox gives it to the machine`);
  }
  return {
    name: host.name,
    addresses: { ipv4: address, ...(ipv6 !== undefined && { ipv6 }) },
    firewall: null,
    userData: { hostname: host.name, hostKey, authorizedKeys: [deployKey] },
  };
}

/** known_hosts with the host keys that an owner would read on the consoles of these machines. */
export function knownHostsText(keys: readonly (readonly [host: ExistingHost, publicKey: string])[]): string {
  return keys
    .map(([host, key]) => {
      const names = [host.name, host.provider.address, host.provider.ipv6].filter(
        (name) => name !== undefined,
      );
      return `${names.join(",")} ${key.split(" ").slice(0, 2).join(" ")}\n`;
    })
    .join("");
}

/** A renamed host keeps the machine and key of its former name while `formerly` is in the inventory. */
export function machineName(
  { name, formerly }: Pick<ExistingHost, "name" | "formerly">,
  known: (name: string) => boolean,
): string {
  return formerly !== undefined && known(formerly) && !known(name) ? formerly : name;
}

/** Makes and pins the adopted machines' host keys, once. Returns the machines to create. */
export async function prepareAdopted(
  layout: Layout,
  hosts: readonly ExistingHost[],
  deployKey: string,
  readFile: (path: string) => string,
): Promise<readonly NewMachine[]> {
  const pinned: [ExistingHost, string][] = [];
  const machines: NewMachine[] = [];
  for (const host of hosts) {
    const name = machineName(host, (known) => existsSync(join(layout.hostKeys, known)));
    const path = join(layout.hostKeys, name);
    const publicKey = await ensureKeyPair(path, name);
    pinned.push([host, publicKey]);
    const machine = adoptedMachine(host, deployKey, {
      privateKey: readFile(path),
      publicKey: `${publicKey}\n`,
    });
    machines.push({ ...machine, name });
  }
  writeAtomic(layout.knownHosts, knownHostsText(pinned), 0o644);
  return machines;
}
