import * as z from "zod";
import { inventorySchema } from "./schema.ts";

/** The part of JSON Schema that `z.toJSONSchema` makes of the inventory. */
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

/** One section for a table and one for each table inside it, in the order of the schema. */
function sections(title: string, schema: Schema): string[] {
  const choices = alternatives(schema)?.filter(isTable);
  if (choices?.length) {
    return choices.flatMap((choice) => {
      if (choice.oneOf) return sections(title, choice);
      const kind = choice.properties?.["kind"]?.const;
      return sections(`${title}, kind = "${String(kind)}"`, choice);
    });
  }
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = title === "" ? key : `${title}.${key}`;
    const perName = typeof value.additionalProperties === "object" && isTable(value.additionalProperties);
    if (perName) {
      const entry = { description: value.description, ...(value.additionalProperties as Schema) } as Schema;
      return sections(`${path}.NAME`, entry);
    }
    if (value.items && isTable(value.items)) return sections(`[${path}]`, value.items);
    return isTable(value) || alternatives(value)?.some(isTable) ? sections(path, value) : [];
  });
  return [...(title === "" ? [] : section(title, schema)), ...inner];
}

/** The reference of `fleet.toml` as Markdown, made from its schema. */
export function inventoryReference(): string {
  const schema = z.toJSONSchema(inventorySchema, { io: "input" }) as Schema;
  return [
    "# The inventory, `nix/fleet.toml`",
    "",
    "Made from `inventory/schema.ts`; `make docs` writes it again, and a test compares.",
    "Hosts, services, buckets and secrets are tables named by their key, which is their name:",
    "lower-case letters, digits and inner dashes. An unknown key is an error.",
    "",
    ...sections("", schema),
  ].join("\n");
}
