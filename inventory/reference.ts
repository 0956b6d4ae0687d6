import * as z from "zod";
import { entryOf } from "../lib/entry-of.ts";
import { inventorySchema } from "./schema.ts";

/** The part of JSON Schema that `z.toJSONSchema` uses for the inventory. */
interface Schema {
  description?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

const code = (value: unknown) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
const alternatives = (schema: Schema) => schema.oneOf ?? schema.anyOf;
const isTable = (schema: Schema) => schema.properties !== undefined || schema.oneOf !== undefined;

function kindOf(schema: Schema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(", ");
  if (schema.items) return isTable(schema.items) ? "list of tables" : `list of ${kindOf(schema.items)}`;
  const choices = alternatives(schema);
  if (isTable(schema)) return "table";
  if (choices) return choices.map(kindOf).join(" or ");
  if (schema.type === "object") return "table";
  return schema.type ?? "anything";
}

function need(schema: Schema, required: boolean): string {
  if (schema.default === undefined) return required ? "required" : "";
  const empty = JSON.stringify(schema.default) === "{}" || JSON.stringify(schema.default) === "[]";
  return empty ? "" : code(schema.default);
}

function section(title: string, schema: Schema): string[] {
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const cells = [code(key), kindOf(value), need(value, schema.required?.includes(key) ?? false)];
    return `| ${[...cells, value.description ?? ""].join(" | ")} |`;
  });
  const table = ["| key | value | default | meaning |", "|---|---|---|---|", ...rows];
  return [`## \`${title}\``, "", ...(schema.description ? [`${schema.description}.`, ""] : []), ...table, ""];
}

type Table = readonly [title: string, schema: Schema];

/** A table and each table inside it, in the order of the schema. */
function tablesIn(title: string, schema: Schema): Table[] {
  const choices = alternatives(schema)?.filter(isTable);
  if (choices?.length) {
    return choices.flatMap((choice) => {
      if (choice.oneOf) return tablesIn(title, choice);
      const kind = choice.properties?.["kind"]?.const;
      return tablesIn(`${title}, kind = "${String(kind)}"`, choice);
    });
  }
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = title === "" ? key : `${title}.${key}`;
    const perName = typeof value.additionalProperties === "object" && isTable(value.additionalProperties);
    if (perName) {
      const entry = { description: value.description, ...(value.additionalProperties as Schema) } as Schema;
      return tablesIn(`${path}.NAME`, entry);
    }
    if (value.items && isTable(value.items)) return tablesIn(`[${path}]`, value.items);
    return isTable(value) || alternatives(value)?.some(isTable) ? tablesIn(path, value) : [];
  });
  return [...(title === "" ? [] : [[title, schema] as const]), ...inner];
}

const wholeSchema = () => z.toJSONSchema(inventorySchema, { io: "input" }) as Schema;
const tables = (): Table[] => tablesIn("", wholeSchema());

/** Keys of the table at a path of the file. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const forms = (schema: Schema): Schema[] => [schema, ...(alternatives(schema) ?? []).flatMap(forms)];
  const inner = ({ properties, additionalProperties, items }: Schema, part: PropertyKey) =>
    items ??
    entryOf(properties ?? {}, String(part)) ??
    (typeof additionalProperties === "object" ? additionalProperties : []);
  return path
    .reduce((found, part) => found.flatMap((schema) => inner(schema, part)).flatMap(forms), [wholeSchema()])
    .flatMap(({ properties }) => Object.keys(properties ?? {}));
}

/** The reference of `fleet.toml` as Markdown, from its schema. */
export function inventoryReference(): string {
  return [
    "# The inventory, `nix/fleet.toml`",
    "",
    "`make docs` writes this file from `inventory/schema.ts`, and a test compares them.",
    "Hosts, services, buckets and secrets are tables named by their key, which is their name:",
    "lower-case letters, digits and inner dashes. An unknown key is an error.",
    "",
    "Two readers read the file: this program, and Nix with `builtins.fromTOML`. What they read differently",
    "is refused: inline tables over several lines or with a last comma, the escapes `\\e` and `\\x`, dates and",
    "times, U+0000, `inf`, `nan`, integers above 2^53 - 1, floats that are whole numbers (`1.0`), Windows line",
    "ends inside strings, bytes that are not UTF-8, more than 64 levels, and the name `__proto__`.",
    "",
    ...tables().flatMap(([title, schema]) => section(title, schema)),
  ].join("\n");
}

/** `hosts.NAME.provider, kind = "existing"` -> `hosts.provider.existing` */
const tableKey = (title: string): string => title.replace(/, kind = /g, ".").replace(/\.NAME|[[\]"]/g, "");

/** Table -> key -> default. An inner table is an entry of its own. */
export function inventoryDefaults(): Record<string, Record<string, unknown>> {
  const entries = tables().map(([title, { properties = {} }]) => {
    const own = Object.entries(properties).flatMap(([key, { default: value }]) =>
      value === undefined || JSON.stringify(value) === "{}" ? [] : [[key, value] as const],
    );
    return [tableKey(title), Object.fromEntries(own)] as const;
  });
  return Object.fromEntries(entries.filter(([, own]) => Object.keys(own).length > 0));
}

/** The defaults for Nix. */
export const NIX_DEFAULTS = "nix/lib/defaults.json";
export const nixDefaults = (): string => `${JSON.stringify(inventoryDefaults(), null, 2)}\n`;

/** The supervisor's settings for a system without deploy.conf. The names are those of that file (nix/lib/checks.nix). */
export const SUPERVISOR_DEFAULTS = "nix/modules/deployment/supervisor/defaults.sh";
export function supervisorDefaults(): string {
  const { deploy, hosts, ...tables } = inventoryDefaults();
  const settings = {
    switch_seconds: deploy?.["switch_seconds"],
    health_seconds: deploy?.["health_seconds"],
    health_period: deploy?.["health_period_seconds"],
    confirm_seconds: deploy?.["confirm_seconds"],
    reboot_seconds: deploy?.["reboot_seconds"],
    reboot: hosts?.["reboot"],
    check_seconds: tables["hosts.health.unit"]?.["timeout_seconds"],
  };
  return [
    "# shellcheck shell=sh disable=SC2034",
    "# `make docs` writes this file from inventory/schema.ts, and a test compares them.",
    "default_settings() {",
    ...Object.entries(settings).map(([key, value]) => `  ${key}=${value}`),
    "}",
    "",
  ].join("\n");
}
