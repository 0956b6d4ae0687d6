/**
 * 1Password's vaults. A service account reads whole vaults, never single items (1Password, "Get started with service
 * accounts"), so a secret's vault decides which hosts can read it.
 */
import { entryOf } from "../lib/entry-of.ts";
import type { Problem } from "./problems.ts";
import type { Inventory } from "./schema.ts";

/** The vault that the hosts of an environment read. */
const environmentVault = ({ fleet, environments }: Inventory, name: string): string =>
  entryOf(environments, name)?.vault ?? `${fleet.vault}-${name}`;

/** The vault that a host's service account may read. */
export const hostVault = (inventory: Inventory, host: string): string | undefined => {
  const found = entryOf(inventory.hosts, host);
  return found && (found.vault ?? environmentVault(inventory, found.environment));
};

/** A key of the inventory that gives read access to a vault. */
interface Reader {
  readonly key: string;
  readonly vault: string;
}

function hostReaders(inventory: Inventory): Reader[] {
  return [
    ...Object.keys(inventory.environments).map((name) => ({
      key: `environments.${name}.vault`,
      vault: environmentVault(inventory, name),
    })),
    ...Object.entries(inventory.hosts).flatMap(([name, { vault }]) =>
      vault === undefined ? [] : [{ key: `hosts.${name}.vault`, vault }],
    ),
  ];
}

/** 1Password ignores case in names. */
const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Vaults that too many can read. */
export function vaultProblems(inventory: Inventory): Problem[] {
  const problems: Problem[] = [];
  const readers = hostReaders(inventory);
  const own: Reader = { key: "fleet.vault", vault: inventory.fleet.vault };
  for (const [index, { key, vault }] of readers.entries()) {
    const other = [own, ...readers.slice(0, index)].find((each) => same(each.vault, vault));
    if (other === undefined) continue;
    const read =
      other === own
        ? "the program's own secrets: the vendors' tokens and the state's passphrase"
        : "the secrets of the others";
    problems.push({
      key,
      message: `"${vault}" is also ${other.key}: a host's service account reads its whole vault, and so ${read}: use a vault of its own`,
    });
  }
  for (const [name, { reference }] of Object.entries(inventory.secrets)) {
    const [, , vault = ""] = reference.split("/"); // op://VAULT/…
    const reader = readers.find((each) => same(each.vault, vault));
    if (reader === undefined) continue;
    problems.push({
      key: `secrets.${name}.reference`,
      message: `the vault "${vault}" is ${reader.key}: every host that reads it could read this secret of other hosts; move it to "${inventory.fleet.vault}"`,
    });
  }
  for (const { key, vault } of [own, ...readers]) {
    if (!/^[a-z0-9]{26}$/.test(vault)) continue;
    problems.push({
      key,
      message: `"${vault}" is a vault's id: use its name, so that equal vaults are recognised`,
    });
  }
  return problems;
}
