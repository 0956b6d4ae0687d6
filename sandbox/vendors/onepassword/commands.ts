import type { Arguments } from "./arguments.ts";
import {
  assign,
  findItem,
  findVault,
  itemContent,
  itemSummary,
  itemView,
  OpError,
  setPassword,
  touch,
} from "./items.ts";
import { inject, readReference } from "./references.ts";
import { changeVault, type Item, newId, now, readVault, type Vault, type VaultFile } from "./vault-file.ts";

/** What a command needs of its surroundings. */
export interface Surroundings {
  path: string;
  json: boolean;
  stdin(): string;
}

type Command = (args: Arguments, around: Surroundings, rest: string[]) => string;

const lines = (rows: string[][]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("    ")
        .trimEnd(),
    )
    .join("\n");
};
const json = (value: unknown) => JSON.stringify(value, null, 2);

function showItem(around: Surroundings, vault: Vault, item: Item): string {
  if (around.json) return json(itemView(vault, item));
  const head = [
    ["ID:", item.id],
    ["Title:", item.title],
    ["Vault:", `${vault.name} (${vault.id})`],
    ["Category:", item.category],
    ["Version:", String(item.version)],
  ];
  const shown = item.fields.map((field) => [
    `  ${field.label ?? field.id}:`,
    field.type === "CONCEALED" ? `[use 'op item get ${item.id} --reveal' to reveal]` : (field.value ?? ""),
  ]);
  return `${lines(head)}\nFields:\n${lines(shown)}`;
}

const itemGet: Command = (args, around, [name = ""]) => {
  const target = name === "-" ? String((JSON.parse(around.stdin()) as { id: string }).id) : name;
  const { vault, item } = findItem(readVault(around.path), target, args.flags.vault);
  const fields = args.flags.fields;
  if (fields === undefined) return showItem(around, vault, item);
  const wanted = fields.split(",").map((each) => each.replace(/^label=/, ""));
  const found = wanted.map((label) => {
    const field = item.fields.find(
      (each) => each.label?.toLowerCase() === label.toLowerCase() || each.id === label,
    );
    if (field === undefined) throw new OpError(`"${label}" isn't a field in the "${item.title}" item`);
    return field;
  });
  if (around.json) return json(found.length === 1 ? found[0] : found);
  return found.map((field) => field.value ?? "").join(",");
};

const itemList: Command = (args, around) => {
  const file = readVault(around.path);
  const vaults = args.flags.vault === undefined ? file.vaults : [findVault(file, args.flags.vault)];
  const tags = args.flags.tags?.split(",");
  const categories = args.flags.categories?.split(",").map((each) => each.toUpperCase().replaceAll(" ", "_"));
  const found = vaults.flatMap((vault) =>
    vault.items
      .filter((item) => tags?.some((tag) => item.tags?.includes(tag)) ?? true)
      .filter((item) => categories?.includes(item.category) ?? true)
      .map((item) => ({ vault, item })),
  );
  if (around.json) return json(found.map(({ vault, item }) => itemSummary(vault, item)));
  const rows = found.map(({ vault, item }) => [item.id, item.title, vault.name, item.updated_at]);
  return lines([["ID", "TITLE", "VAULT", "EDITED"], ...rows]);
};

/** The template on stdin, when there is one. */
function templateFrom(around: Surroundings): Record<string, unknown> | undefined {
  const text = around.stdin();
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new OpError("invalid JSON in the item template");
  }
}

function vaultFor(file: VaultFile, args: Arguments, template: Record<string, unknown> | undefined): Vault {
  const named = args.flags.vault ?? (template?.vault as { id?: string } | undefined)?.id;
  const [only] = file.vaults;
  if (named !== undefined) return findVault(file, named);
  if (only === undefined || file.vaults.length > 1)
    throw new OpError("a vault query must be provided when this command is called by a service account");
  return only;
}

const itemCreate: Command = (args, around, rest) => {
  const template = rest.includes("-") ? templateFrom(around) : undefined;
  const head = {
    ...template,
    ...(args.flags.title === undefined ? {} : { title: args.flags.title }),
    ...(args.flags.category === undefined
      ? {}
      : { category: args.flags.category.toUpperCase().replaceAll(" ", "_") }),
    ...(args.flags.tags === undefined ? {} : { tags: args.flags.tags.split(",") }),
    ...(args.flags.url === undefined ? {} : { urls: [{ primary: true, href: args.flags.url }] }),
  };
  return changeVault(around.path, (file) => {
    const vault = vaultFor(file, args, template);
    const content = itemContent(head);
    const assigned = rest.filter((word) => word !== "-").reduce(assign, content.fields);
    const recipe = args.flags["generate-password"];
    const fields = recipe === undefined ? assigned : setPassword(assigned, recipe);
    const item: Item = { id: newId(), version: 1, created_at: now(), updated_at: now(), ...content, fields };
    vault.items.push(item);
    vault.content_version += 1;
    return showItem(around, vault, item);
  });
};

const itemEdit: Command = (args, around, [name = "", ...assignments]) => {
  const template = templateFrom(around);
  return changeVault(around.path, (file) => {
    const { vault, item } = findItem(file, name, args.flags.vault);
    if (template !== undefined) {
      const { tags, urls, sections, ...content } = itemContent({
        title: item.title,
        category: item.category,
        ...template,
      });
      Object.assign(item, content, { category: item.category });
      // What a template leaves out is taken away.
      for (const [key, value] of Object.entries({ tags, urls, sections })) {
        if (value === undefined) delete item[key as "tags"];
        else Object.assign(item, { [key]: value });
      }
    }
    if (args.flags.title !== undefined) item.title = args.flags.title;
    if (args.flags.tags !== undefined) item.tags = args.flags.tags.split(",");
    item.fields = assignments.filter((word) => word !== "-").reduce(assign, item.fields);
    const recipe = args.flags["generate-password"];
    if (recipe !== undefined) item.fields = setPassword(item.fields, recipe);
    touch(vault, item);
    return showItem(around, vault, item);
  });
};

const itemDelete: Command = (args, around, [name = ""]) =>
  changeVault(around.path, (file) => {
    const { vault, item } = findItem(file, name, args.flags.vault);
    vault.items = vault.items.filter((each) => each !== item);
    vault.content_version += 1;
    return "";
  });

const vaultView = (vault: Vault) => {
  const { items, content_version, ...rest } = vault;
  return { ...rest, attribute_version: 1, content_version, items: items.length, type: "USER_CREATED" };
};

const vaultGet: Command = (_args, around, [name = ""]) => {
  const view = vaultView(findVault(readVault(around.path), name));
  return around.json
    ? json(view)
    : lines([
        ["ID:", view.id],
        ["Name:", view.name],
        ["Items:", String(view.items)],
      ]);
};

const vaultList: Command = (_args, around) => {
  const vaults = readVault(around.path).vaults;
  const summary = ({ id, name, content_version, created_at, updated_at, items }: Vault) => ({
    id,
    name,
    content_version,
    created_at,
    updated_at,
    items: items.length,
  });
  return around.json
    ? json(vaults.map(summary))
    : lines([["ID", "NAME"], ...vaults.map(({ id, name }) => [id, name])]);
};

const read: Command = (_args, around, [reference = ""]) => readReference(readVault(around.path), reference);

const whoami: Command = (_args, around) => {
  const who = {
    url: "https://sandbox.1password.test",
    user_type: "SERVICE_ACCOUNT",
    user_uuid: "SANDBOXSERVICEACCOUNT00000",
  };
  return around.json
    ? json(who)
    : lines([
        ["URL:", who.url],
        ["User Type:", who.user_type],
        ["User ID:", who.user_uuid],
      ]);
};

/** Commands by their words. */
export const commands: Record<string, Command> = {
  "item get": itemGet,
  "item list": itemList,
  "item ls": itemList,
  "item create": itemCreate,
  "item edit": itemEdit,
  "item delete": itemDelete,
  "item rm": itemDelete,
  "vault get": vaultGet,
  "vault list": vaultList,
  "vault ls": vaultList,
  read,
  inject: (_args, around) => inject(readVault(around.path), around.stdin()),
  whoami,
};
