import { type Field, type Item, newId, now, type Vault, type VaultFile } from "./vault-file.ts";

/** Printed on stderr as `[ERROR] time message`, with exit code 1. */
export class OpError extends Error {}

const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase();

export function findVault(file: VaultFile, name: string): Vault {
  const vault =
    file.vaults.find((each) => each.id === name) ?? file.vaults.find((each) => same(each.name, name));
  if (vault === undefined) {
    throw new OpError(`"${name}" isn't a vault in this account. Specify the vault with its ID or name.`);
  }
  return vault;
}

/** An item by id or title, in one vault or in all. */
export function findItem(
  file: VaultFile,
  name: string,
  vaultName: string | undefined,
): { vault: Vault; item: Item } {
  const vaults = vaultName === undefined ? file.vaults : [findVault(file, vaultName)];
  const all = vaults.flatMap((vault) => vault.items.map((item) => ({ vault, item })));
  const byId = all.find(({ item }) => item.id === name);
  if (byId !== undefined) return byId;
  const titled = all.filter(({ item }) => same(item.title, name));
  const [first] = titled;
  if (first === undefined) {
    const place = vaultName === undefined ? "" : ` in the "${vaultName}" vault`;
    throw new OpError(`"${name}" isn't an item${place}. Specify the item with its UUID, name, or domain.`);
  }
  if (titled.length > 1) {
    const lines = titled.map(
      ({ vault, item }) => `\n\t* for the item "${item.title}" in vault ${vault.name}: ${item.id}`,
    );
    throw new OpError(
      `More than one item matches "${name}". Try again and specify the item by its ID:${lines.join("")}`,
    );
  }
  return first;
}

/** The item in the form of `--format json`. */
export function itemView(vault: Vault, item: Item) {
  const reference = (field: Field) => {
    const path = field.section === undefined ? [] : [field.section.label ?? field.section.id];
    return `op://${[vault.name, item.title, ...path, field.label ?? field.id].join("/")}`;
  };
  const { fields, created_at, updated_at, ...head } = item;
  return {
    ...head,
    vault: { id: vault.id, name: vault.name },
    last_edited_by: "SANDBOXSERVICEACCOUNT00000",
    created_at,
    updated_at,
    fields: fields.map((field) => ({ ...field, reference: reference(field) })),
  };
}

/** The item without its fields, for lists. */
export function itemSummary(vault: Vault, item: Item) {
  const { fields: _fields, ...rest } = itemView(vault, item);
  return rest;
}

type Json = Record<string, unknown>;
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const objects = (value: unknown) => (Array.isArray(value) ? (value as Json[]) : []);

function fieldFrom(given: Json, sections: { id: string; label?: string }[]): Field {
  const wanted = given.section as Json | undefined;
  const section = sections.find((each) => each.id === wanted?.id) ?? (wanted && { id: String(wanted.id) });
  const purpose = text(given.purpose);
  const label = text(given.label);
  return {
    id: text(given.id) ?? newId(),
    type: text(given.type) ?? "STRING",
    ...(purpose !== undefined && { purpose }),
    ...(label !== undefined && { label }),
    ...(typeof given.value === "string" && { value: given.value }),
    ...(section !== undefined && { section }),
  };
}

/** The parts of an item in a JSON template of `op item create -` and `op item edit`. */
export function itemContent(template: Json): Omit<Item, "id" | "version" | "created_at" | "updated_at"> {
  const sections = objects(template.sections).map((section) => {
    const label = text(section.label);
    return { id: text(section.id) ?? newId(), ...(label !== undefined && { label }) };
  });
  const urls = objects(template.urls).map((url) => ({ ...url, href: String(url.href ?? url.url ?? "") }));
  const title = text(template.title);
  if (title === undefined) throw new OpError("item title must not be empty");
  return {
    title,
    category: text(template.category) ?? "LOGIN",
    ...(Array.isArray(template.tags) && { tags: template.tags.map(String) }),
    ...(urls.length > 0 && { urls }),
    ...(sections.length > 0 && { sections }),
    fields: objects(template.fields).map((field) => fieldFrom(field, sections)),
  };
}

/**
 * Applies `[section.]field[type]=value` of the command line. An empty section is none; a backslash escapes a
 * period, an equal sign or a backslash.
 */
export function assign(fields: Field[], assignment: string): Field[] {
  const match = /^((?:[^=\\]|\\.)*)=(.*)$/s.exec(assignment);
  const [, left = "", value = ""] = match ?? [];
  if (match === null)
    throw new OpError(`invalid assignment "${assignment.split("=")[0]}": expected field=value`);
  const kind = /\[(\w+)\]$/.exec(left)?.[1];
  const path = left
    .replace(/\[\w+\]$/, "")
    .split(/(?<!\\)\./)
    .map((part) => part.replaceAll(/\\(.)/g, "$1"));
  const name = path.at(-1) ?? "";
  const section = path.length > 1 ? path[0] : undefined;
  const matches = (field: Field) =>
    (same(field.label, name) || same(field.id, name)) &&
    (section === undefined || same(field.section?.label, section));
  if (kind === "delete") return fields.filter((field) => !matches(field));
  if (fields.some(matches)) return fields.map((field) => (matches(field) ? { ...field, value } : field));
  const types: Record<string, string> = { password: "CONCEALED", text: "STRING", url: "URL", email: "EMAIL" };
  const type = types[kind ?? ""] ?? "STRING";
  return [
    ...fields,
    {
      id: section === undefined ? name : newId(),
      type,
      label: name,
      value,
      ...(section !== undefined && { section: { id: section.toLowerCase(), label: section } }),
    },
  ];
}

/** The value of a field by label or id. @throws OpError with the message of `op read` */
export function fieldValue(item: Item, vault: string, section: string | undefined, name: string): string {
  const builtIn =
    name.toLowerCase() === "notesplain" ? item.fields.find((field) => field.purpose === "NOTES") : undefined;
  const found =
    builtIn ??
    item.fields.find(
      (field) =>
        (same(field.label, name) || same(field.id, name)) &&
        (section === undefined || same(field.section?.label, section) || same(field.section?.id, section)),
    );
  if (found === undefined) {
    throw new OpError(
      `item '${vault}/${item.title}' does not have a field '${section === undefined ? "" : `${section}.`}${name}'`,
    );
  }
  return found.value ?? "";
}

export function touch(vault: Vault, item: Item): void {
  item.version += 1;
  item.updated_at = now();
  vault.content_version += 1;
  vault.updated_at = item.updated_at;
}
