/**
 * The contract as TypeScript types for readers. They are made from the JSON Schema, so that readers
 * need no types of the validator: under some options of tsc those do not compile.
 */
import * as z from "zod";

type Schema = { readonly [keyword: string]: unknown };

const keywords = z.record(z.string(), z.unknown());
const schemaOf = (value: unknown): Schema => keywords.catch({}).parse(value);
const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
};

function fieldsOf(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(schemaOf(schema["properties"])).flatMap(([name, value]) => {
    const field = schemaOf(value);
    const comment =
      typeof field["description"] === "string" ? [`${inner}/** ${field["description"]} */`] : [];
    const optional = listed(schema["required"]).includes(name) ? "" : "?";
    return [...comment, `${inner}readonly ${name}${optional}: ${typeOf(field, inner)};`];
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

/** @throws Error for a form of schema that the contract does not use */
function typeOf(schema: Schema, indent: string): string {
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if ("enum" in schema)
    return listed(schema["enum"])
      .map((value) => JSON.stringify(value))
      .join(" | ");
  if (schema["type"] === "array") return `readonly ${elementOf(schema["items"], indent)}[]`;
  if (schema["type"] === "object") {
    if ("properties" in schema) return fieldsOf(schema, indent);
    return `{ readonly [name: string]: ${typeOf(schemaOf(schema["additionalProperties"]), indent)} }`;
  }
  const primitive = PRIMITIVES[String(schema["type"])];
  if (primitive === undefined) throw new Error(`no TypeScript type for the schema ${JSON.stringify(schema)}`);
  return primitive;
}

function elementOf(items: unknown, indent: string): string {
  const type = typeOf(schemaOf(items), indent);
  return type.includes(" | ") ? `(${type})` : type;
}

/** Text of `contract.d.ts`. @param schema the contract as JSON Schema */
export const typeDeclarations = (schema: Schema, version: number): string =>
  [
    `export declare const SCHEMA_VERSION = ${version};`,
    `/** ${String(schema["description"])} */`,
    `export type StackOutputs = ${typeOf(schema, "")};`,
    'export type HostOutputs = StackOutputs["hosts"][string];',
    'export type Revision = NonNullable<StackOutputs["revision"]>;',
    "",
  ].join("\n");
