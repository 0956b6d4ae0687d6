/** Fields of a published version are never removed or changed: outputs/compatibility.ts. */
import { existsSync, readFileSync } from "node:fs";
import { incompatibilities } from "../../../outputs/compatibility.ts";
import { SCHEMA_VERSION } from "../../../outputs/contract.ts";
import { brokenPromises, contractSchema, PUBLISHED_FILE, SCHEMA_FILE } from "../../../outputs/json-schema.ts";

type Json = { [key: string]: Json } & { type?: string; required?: string[]; enum?: unknown[] };
const published = JSON.parse(readFileSync(PUBLISHED_FILE, "utf8")) as Json;
const copy = () => structuredClone(published);

test("the schema in the repository breaks no reader of the published one, and every field of it is published", () => {
  const schema = readFileSync(SCHEMA_FILE, "utf8");
  expect(brokenPromises(schema)).toEqual([]);
  expect(brokenPromises(contractSchema())).toEqual([]);
  // make docs publishes new fields.
  expect(incompatibilities(JSON.parse(schema), published)).toEqual([]);
});

test("every version so far is still in the repository", () => {
  for (let version = 1; version <= SCHEMA_VERSION; version += 1) {
    expect(existsSync(`outputs/published/schema.v${version}.json`)).toBe(true);
  }
});

/** Every property of the schema: the path that messages have, and where it is. */
function fields(schema: Json, path = "", trail: string[] = []): { path: string; trail: string[] }[] {
  const own = Object.entries(schema["properties"] ?? {}).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const here = [...trail, "properties", name];
    return [{ path: at, trail: here }, ...fields(field as Json, at, here)];
  });
  const below = (["additionalProperties", "items"] as const).flatMap((keyword) => {
    const element = schema[keyword];
    if (typeof element !== "object") return [];
    return fields(element, keyword === "items" ? `${path}[]` : `${path}.*`, [...trail, keyword]);
  });
  return [...own, ...below];
}

const parentOf = (schema: Json, trail: readonly string[]): Json =>
  trail.slice(0, -1).reduce((at, key) => at[key] as Json, schema);

const all = fields(published);

test("the fields that the tests below change are those of the contract", () => {
  expect(all.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["hosts.*.wanted", "hosts.*.health[].ok", "revision.tree", "dns.records[].type"]),
  );
});

test.each(all.map(({ path, trail }) => [path, trail] as const))(
  "%s: removed or of another type",
  (path, trail) => {
    const name = trail.at(-1) ?? "";
    const removed = copy();
    delete parentOf(removed, trail)[name];
    expect(incompatibilities(published, removed)).toEqual([`${path}: was removed`]);

    const retyped = copy();
    parentOf(retyped, trail)[name] = { type: "null" } as unknown as Json;
    expect(incompatibilities(published, retyped).join("\n")).toContain(`${path}: its type was `);

    const untyped = copy();
    parentOf(untyped, trail)[name] = {} as Json;
    expect(incompatibilities(published, untyped)).not.toEqual([]);
  },
);

test("what was always there stays there", () => {
  const optional = copy();
  optional.required = (optional.required ?? []).filter((name) => name !== "services");
  expect(incompatibilities(published, optional)).toEqual(["services: was always there, and is optional"]);
});

const text = { type: "string" };
const object = (properties: object, more: object = {}) => ({ type: "object", properties, ...more });

test.each<[string, object, object]>([
  ["a new optional field", object({ a: text }), object({ a: text, b: text })],
  ["a field that is now always there", object({ a: text }), object({ a: text }, { required: ["a"] })],
  [
    "a whole number instead of any number",
    object({ a: { type: "number" } }),
    object({ a: { type: "integer" } }),
  ],
  ["a value that is no longer used", { enum: ["a", "b"] }, { enum: ["a"] }],
  ["one value of several", { enum: ["a", "b"] }, { const: "b" }],
  ["fewer forms", { anyOf: [text, { type: "null" }] }, { anyOf: [text] }],
  ["another description", { ...text, description: "a" }, { ...text, description: "b" }],
])("%s is compatible", (_, before, after) => {
  expect(incompatibilities(before as Json, after as Json)).toEqual([]);
});

test.each<[string, object, object, string]>([
  [
    "a new value",
    { enum: ["a"] },
    { enum: ["a", "b"] },
    '(root): the value "b" is new, and readers refuse it',
  ],
  ["any value", { enum: ["a"] }, text, '(root): only "a" was possible, now any value is'],
  ["another version", { const: 1 }, { const: 2 }, "(root): the value 2 is new, and readers refuse it"],
  ["any number", { type: "integer" }, { type: "number" }, "(root): its type was integer, and is number"],
  ["null too", text, { type: ["string", "null"] }, "(root): its type was string, and is string or null"],
  [
    "a lower bound is gone",
    { type: "integer", minimum: 0 },
    { type: "integer" },
    "(root): minimum was 0, and is none",
  ],
  [
    "elements of another type",
    { type: "array", items: text },
    { type: "array", items: { type: "number" } },
    "[]: its type was string, and is number",
  ],
  [
    "entries of another type",
    { additionalProperties: text },
    { additionalProperties: {} },
    ".*: its type was string, and is any",
  ],
  [
    "a form more",
    { anyOf: [text] },
    { anyOf: [text, { type: "null" }] },
    "(root): has a form that it did not have (anyOf)",
  ],
])("%s is not", (_, before, after, problem) => {
  expect(incompatibilities(before as Json, after as Json)).toEqual([problem]);
});

test("a keyword without a rule is an error, not an oversight", () => {
  expect(() => incompatibilities({ not: {} }, {})).toThrow("add a rule for it to outputs/compatibility.ts");
});
