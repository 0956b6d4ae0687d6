/**
 * The registration of providers. Each is a folder of `providers/` with the name of its kind
 * (providers/README.md lists its files). PANTHEROS_PROVIDERS adds folders outside of `providers/`.
 */
import { createRequire } from "node:module";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import * as z from "zod";
import { messageOf } from "../lib/message-of.ts";
import { RunError } from "../lib/run-error.ts";
import { type ExistingProvider, table as existing } from "../providers/existing/table.ts";
import { table as hetzner } from "../providers/hetzner/table.ts";
import { type ImageProvider, table as image } from "../providers/image/table.ts";
import type { CreatedSettings, ProviderTable } from "./provider.ts";

const BUILT_IN = [hetzner, existing, image] as const;

interface Registered {
  readonly table: ProviderTable;
  readonly folder: string;
}

const PROVIDERS = resolve(import.meta.dirname, "../providers");

/**
 * Loads the table of a further provider. It is loaded like the built-in ones, before the inventory
 * is read, so the module must have no top-level await.
 */
function furtherProvider(folder: string): Registered {
  const file = join(resolve(folder), "table.ts");
  const refuse = (why: string) => new RunError(`PANTHEROS_PROVIDERS: ${folder}: ${why}`);
  if (!isAbsolute(folder)) throw refuse("not an absolute path");
  let loaded: { readonly table?: ProviderTable };
  try {
    loaded = createRequire(import.meta.url)(file) as typeof loaded;
  } catch (error) {
    throw refuse(`its table.ts cannot be loaded: ${messageOf(error)}`);
  }
  const { table } = loaded;
  if (table === undefined) throw refuse("its table.ts exports no `table`");
  if (table.kind !== basename(folder))
    throw refuse(`its kind is "${table.kind}"; the folder must have the same name`);
  if (BUILT_IN.some(({ kind }) => kind === table.kind)) throw refuse(`"${table.kind}" is built in`);
  return { table, folder: resolve(folder) };
}

const REGISTERED: readonly Registered[] = [
  ...BUILT_IN.map((table) => ({ table: table as ProviderTable, folder: join(PROVIDERS, table.kind) })),
  ...(process.env["PANTHEROS_PROVIDERS"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map(furtherProvider),
];

export const PROVIDER_TABLES = REGISTERED.map(({ table }) => table);

/** The folder of a kind. @throws Error for a kind that is not registered */
export function providerFolder(kind: string): string {
  const found = REGISTERED.find(({ table }) => table.kind === kind);
  if (found === undefined) throw new Error(`no provider "${kind}": set PANTHEROS_PROVIDERS`);
  return found.folder;
}

/** Kinds whose machines the program creates. */
export const CREATING_KINDS = PROVIDER_TABLES.filter(({ machines }) => machines === "created").map(
  ({ kind }) => kind,
);

/** The settings of a created machine, of which only its provider reads more than these. */
export type CreatedProvider = CreatedSettings & Pick<z.infer<(typeof hetzner)["schema"]>, "kind">;
export type { ExistingProvider } from "../providers/existing/table.ts";

/** `hosts.NAME.provider` */
export type ProviderSettings = CreatedProvider | ExistingProvider | ImageProvider;

const [first, ...others] = PROVIDER_TABLES.map(({ schema }) => schema) as unknown as readonly [
  z.core.$ZodTypeDiscriminable,
  ...z.core.$ZodTypeDiscriminable[],
];
export const providerSettings = z.discriminatedUnion("kind", [
  first,
  ...others,
]) as unknown as z.ZodType<ProviderSettings>;

/** Whether the program creates the host's machine. */
export const isCreated = <T extends { readonly provider: ProviderSettings }>(
  host: T,
): host is T & { readonly provider: CreatedProvider } => CREATING_KINDS.includes(host.provider.kind);

/** Whether a host is of the provider with that table. */
export const isOf = (
  { provider }: { readonly provider: ProviderSettings },
  { kind }: Pick<ProviderTable, "kind">,
): boolean => provider.kind === kind;

/**
 * The settings of a host in the form of its provider's table.
 * @throws Error when the host is another provider's
 */
export function settingsOf<Settings>(
  host: { readonly name: string; readonly provider: ProviderSettings },
  table: ProviderTable<Settings>,
): Settings {
  if (!isOf(host, table)) throw new Error(`${host.name} is not a host of the provider "${table.kind}"`);
  return host.provider as unknown as Settings;
}
