import { readAs } from "./accounts.ts";
import type { Arguments } from "./arguments.ts";
import { assign, findItem, findVault, itemContent, itemSummary, itemView, OpError, touch } from "./items.ts";
import { readReference } from "./references.ts";
import { changeVault, type Item, newId, now, type Vault, type VaultFile } from "./vault-file.ts";

/** What a command uses besides its arguments. */
interface CommandContext {
  /** The vault file. */
  path: string;
  /** Of the service account. */
  token: string;
  stdin(): string;
}

/** The part of the account that the token may read. */
const visible = ({ path, token }: CommandContext): VaultFile => readAs(path, token);

type Command = (args: Arguments, context: CommandContext, rest: string[]) => string;

const json = (value: unknown) => JSON.stringify(value, null, 2);

const itemGet: Command = (args, context, [name = ""]) => {
  const { vault, item } = findItem(visible(context), name, args.flags.vault);
  return json(itemView(vault, item));
};

const itemList: Command = (args, context) => {
  const file = visible(context);
  const vaults = args.flags.vault === undefined ? file.vaults : [findVault(file, args.flags.vault)];
  return json(vaults.flatMap((vault) => vault.items.map((item) => itemSummary(vault, item))));
};

/** The template on stdin, when there is one. */
function templateFrom(context: CommandContext): Record<string, unknown> | undefined {
  const text = context.stdin();
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

const itemCreate: Command = (args, context, rest) => {
  const template = rest.includes("-") ? templateFrom(context) : undefined;
  const head = {
    ...template,
    ...(args.flags.title !== undefined && { title: args.flags.title }),
    ...(args.flags.category !== undefined && {
      category: args.flags.category.toUpperCase().replaceAll(" ", "_"),
    }),
  };
  return changeVault(context.path, (file) => {
    const vault = vaultFor(file, args, template);
    const content = itemContent(head);
    const fields = rest.filter((word) => word !== "-").reduce(assign, content.fields);
    const item: Item = { id: newId(), version: 1, created_at: now(), updated_at: now(), ...content, fields };
    vault.items.push(item);
    vault.content_version += 1;
    return json(itemView(vault, item));
  });
};

const itemEdit: Command = (args, context, [name = "", ...assignments]) => {
  const template = templateFrom(context);
  return changeVault(context.path, (file) => {
    const { vault, item } = findItem(file, name, args.flags.vault);
    if (template !== undefined) {
      const { tags, urls, sections, ...content } = itemContent({
        title: item.title,
        category: item.category,
        ...template,
      });
      Object.assign(item, content, { category: item.category });
      // Parts that the template leaves out are removed.
      for (const [key, value] of Object.entries({ tags, urls, sections })) {
        if (value === undefined) delete item[key as "tags"];
        else Object.assign(item, { [key]: value });
      }
    }
    item.fields = assignments.filter((word) => word !== "-").reduce(assign, item.fields);
    touch(vault, item);
    return json(itemView(vault, item));
  });
};

const itemDelete: Command = (args, context, [name = ""]) =>
  changeVault(context.path, (file) => {
    const { vault, item } = findItem(file, name, args.flags.vault);
    vault.items = vault.items.filter((each) => each !== item);
    vault.content_version += 1;
    return "";
  });

const vaultView = (vault: Vault) => {
  const { items, content_version, ...rest } = vault;
  return { ...rest, attribute_version: 1, content_version, items: items.length, type: "USER_CREATED" };
};

const vaultGet: Command = (_args, context, [name = ""]) => json(vaultView(findVault(visible(context), name)));

const vaultList: Command = (_args, context) =>
  json(
    visible(context).vaults.map(({ id, name, content_version, created_at, updated_at, items }) => ({
      id,
      name,
      content_version,
      created_at,
      updated_at,
      items: items.length,
    })),
  );

const read: Command = (_args, context, [reference = ""]) => readReference(visible(context), reference);

/** The commands, by their words. */
export const COMMANDS: Record<string, Command> = {
  "item get": itemGet,
  "item list": itemList,
  "item create": itemCreate,
  "item edit": itemEdit,
  "item delete": itemDelete,
  "vault get": vaultGet,
  "vault list": vaultList,
  read,
};
