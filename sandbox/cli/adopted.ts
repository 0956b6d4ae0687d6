import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ExistingHost } from "../../inventory/plan.ts";
import type { NewMachine } from "../machines/machines.ts";
import { ensureKeyPair, writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";

/** A machine that stood there before the program came; root is reachable with the deploy key. */
export function adoptedMachine(
  host: ExistingHost,
  deployKey: string,
  hostKey: { readonly privateKey: string; readonly publicKey: string },
): NewMachine {
  const { address, ipv6 } = host.provider;
  if (address === undefined) {
    throw new Error(`hosts.${host.name}.provider: the sandbox needs an address to put the machine at`);
  }
  return {
    name: host.name,
    addresses: { ipv4: address, ...(ipv6 === undefined ? {} : { ipv6 }) },
    firewall: null,
    userData: { hostname: host.name, hostKey, authorizedKeys: [deployKey] },
  };
}

/** known_hosts: what the owner of these machines would have noted down at their consoles. */
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

/** A renamed host's machine is the one that was made under its former name, with its key; here `formerly` has to stay. */
export function machineName(
  { name, formerly }: Pick<ExistingHost, "name" | "formerly">,
  known: (name: string) => boolean,
): string {
  return formerly !== undefined && known(formerly) && !known(name) ? formerly : name;
}

/** Host keys of the adopted machines, made once and pinned. Returns the machines as they are to be created. */
export async function prepareAdopted(
  layout: Layout,
  hosts: readonly ExistingHost[],
  deployKey: string,
  readFile: (path: string) => string,
): Promise<readonly NewMachine[]> {
  const pinned: [ExistingHost, string][] = [];
  const machines: NewMachine[] = [];
  for (const host of hosts) {
    const called = machineName(host, (name) => existsSync(join(layout.hostKeys, name)));
    const path = join(layout.hostKeys, called);
    const publicKey = await ensureKeyPair(path, called);
    pinned.push([host, publicKey]);
    const machine = adoptedMachine(host, deployKey, {
      privateKey: readFile(path),
      publicKey: `${publicKey}\n`,
    });
    machines.push({ ...machine, name: called });
  }
  writeAtomic(layout.knownHosts, knownHostsText(pinned), 0o644);
  return machines;
}
