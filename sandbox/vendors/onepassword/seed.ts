import {
  changeVault,
  hashToken,
  type Item,
  newId,
  now,
  readVault,
  type Vault,
  type VaultFile,
} from "./vault-file.ts";

/** A value that the vault must have before the first run. */
export interface Seed {
  vault: string;
  item: string;
  section?: string;
  field: string;
  /** Called only when the field does not exist. */
  value: () => string;
}

/** Parses `op://vault/item/[section/]field`. @throws Error when it is malformed. */
export function parseReference(reference: string): {
  vault: string;
  item: string;
  section?: string;
  field: string;
} {
  const parts = reference.startsWith("op://") ? reference.slice(5).split("/") : [];
  const [vault, item, second, third] = parts;
  if (!vault || !item || !second || parts.length > 4 || third === "")
    throw new Error(`invalid secret reference '${reference}'`);
  return third === undefined
    ? { vault, item, field: second }
    : { vault, item, section: second, field: third };
}

function vaultNamed(file: VaultFile, name: string): Vault {
  const known = file.vaults.find((vault) => vault.name === name || vault.id === name);
  if (known !== undefined) return known;
  const vault: Vault = {
    id: newId(),
    name,
    description: "",
    content_version: 1,
    created_at: now(),
    updated_at: now(),
    items: [],
  };
  file.vaults.push(vault);
  return vault;
}

function itemTitled(vault: Vault, title: string): Item {
  const known = vault.items.find((item) => item.title === title || item.id === title);
  if (known !== undefined) return known;
  const item: Item = {
    id: newId(),
    title,
    category: "API_CREDENTIAL",
    version: 1,
    fields: [],
    created_at: now(),
    updated_at: now(),
  };
  vault.items.push(item);
  return item;
}

function addSeed(file: VaultFile, seed: Seed): boolean {
  const item = itemTitled(vaultNamed(file, seed.vault), seed.item);
  const label = (text: string | undefined) => text?.toLowerCase();
  const found = item.fields.some(
    (field) =>
      label(field.label ?? field.id) === label(seed.field) &&
      label(field.section?.label) === label(seed.section),
  );
  if (found) return false;
  let section = item.sections?.find((each) => label(each.label) === label(seed.section));
  if (seed.section !== undefined && section === undefined) {
    section = { id: newId(), label: seed.section };
    item.sections = [...(item.sections ?? []), section];
  }
  item.fields.push({
    id: section === undefined ? seed.field : newId(),
    type: "CONCEALED",
    label: seed.field,
    value: seed.value(),
    ...(section !== undefined && { section }),
  });
  return true;
}

/**
 * Creates the account of `op`: adds the service account's token, the vaults, and a value for every seed.
 * Idempotent. Returns the number of new values.
 */
export function seedVault(path: string, token: string, vaults: string[], seeds: Seed[]): number {
  const sha256 = hashToken(token);
  const before = JSON.stringify(readVault(path));
  return changeVault(path, (file) => {
    if (!file.serviceAccounts.some((account) => account.sha256 === sha256)) {
      file.serviceAccounts.push({ name: "sandbox", sha256 });
    }
    for (const name of vaults) vaultNamed(file, name);
    const made = seeds.filter((seed) => addSeed(file, seed)).length;
    return JSON.stringify(file) === before ? 0 : made;
  });
}
