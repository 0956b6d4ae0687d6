/**
 * Whether readers of the published JSON Schema can read everything that the current one allows: each
 * field is still there with its type, and no value is possible that was not before. New fields are
 * allowed, because readers ignore what they do not use.
 */
import * as z from "zod";

type Schema = { readonly [keyword: string]: unknown };

const keywords = z.record(z.string(), z.unknown());
const schemas = z.record(z.string(), keywords);

/** Keywords without an effect on values. */
const ANNOTATIONS = ["$schema", "$id", "title", "description", "default", "examples", "deprecated"];
/** Keywords that this comparison has a rule for. */
const COMPARED = [
  ...["type", "const", "enum", "properties", "required", "additionalProperties", "items"],
  ...["anyOf", "oneOf", "allOf"],
];
/** Keywords that bound a value: a reader may rely on the published bound, so it has to stay as it is. */
const BOUNDS = [
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format"],
  ...["minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "propertyNames"],
];

const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => JSON.stringify(value) ?? "none";

/** A schema without keywords of its own allows every value. */
const schemaOf = (value: unknown): Schema => keywords.catch({}).parse(value);

function typesOf(schema: Schema): readonly string[] | undefined {
  if (typeof schema["type"] === "string") return [schema["type"]];
  if (Array.isArray(schema["type"])) return schema["type"].map(String);
  return undefined;
}

function typeProblems(path: string, published: Schema, current: Schema): string[] {
  const before = typesOf(published);
  if (before === undefined) return [];
  const allowed = before.includes("number") ? [...before, "integer"] : before;
  const now = typesOf(current);
  if (now?.every((type) => allowed.includes(type))) return [];
  return [`${path}: its type was ${before.join(" or ")}, and is ${now?.join(" or ") ?? "any"}`];
}

/** A constant is an enumeration of one value. */
function valuesOf(schema: Schema): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  return "enum" in schema ? listed(schema["enum"]) : undefined;
}

function valueProblems(path: string, published: Schema, current: Schema): string[] {
  const before = valuesOf(published);
  if (before === undefined) return [];
  const now = valuesOf(current);
  if (now === undefined)
    return [`${path}: only ${before.map(text).join(", ")} was possible, now any value is`];
  const known = new Set(before.map(text));
  return now
    .filter((value) => !known.has(text(value)))
    .map((value) => `${path}: the value ${text(value)} is new, and readers refuse it`);
}

function boundProblems(path: string, published: Schema, current: Schema): string[] {
  return BOUNDS.filter((bound) => bound in published && text(published[bound]) !== text(current[bound])).map(
    (bound) => `${path}: ${bound} was ${text(published[bound])}, and is ${text(current[bound])}`,
  );
}

function objectProblems(path: string, published: Schema, current: Schema): string[] {
  const before = schemas.catch({}).parse(published["properties"]);
  const now = schemas.catch({}).parse(current["properties"]);
  const required = listed(current["required"]);
  const problems = Object.entries(before).flatMap(([name, schema]) => {
    const field = path === "" ? name : `${path}.${name}`;
    const found = Object.hasOwn(now, name) ? now[name] : undefined;
    return found === undefined ? [`${field}: was removed`] : incompatibilities(schema, found, field);
  });
  const optional = listed(published["required"])
    .filter((name) => !required.includes(name) && Object.hasOwn(now, String(name)))
    .map((name) => `${path === "" ? "" : `${path}.`}${String(name)}: was always there, and is optional`);
  return [...problems, ...optional];
}

/** Schemas of all fields that have no name of their own, and of the elements of a list. */
function elementProblems(path: string, published: Schema, current: Schema): string[] {
  return ["additionalProperties", "items"].flatMap((keyword) => {
    if (!(keyword in published)) return [];
    const element = keyword === "items" ? `${path}[]` : `${path}.*`;
    if (published[keyword] === false) {
      return current[keyword] === false ? [] : [`${element}: was impossible, and is possible`];
    }
    return incompatibilities(schemaOf(published[keyword]), schemaOf(current[keyword]), element);
  });
}

function choiceProblems(path: string, published: Schema, current: Schema): string[] {
  return ["anyOf", "oneOf", "allOf"].flatMap((keyword) => {
    const before = listed(published[keyword]).map(schemaOf);
    if (before.length === 0) return [];
    const now = listed(current[keyword]).map(schemaOf);
    if (now.length === 0) return [`${path}: was one of ${before.length} forms (${keyword}), and is not`];
    if (keyword === "allOf" && now.length !== before.length) return [`${path}: allOf has other parts`];
    return now
      .filter((form) => before.every((known) => incompatibilities(known, form, path).length > 0))
      .map(() => `${path}: has a form that it did not have (${keyword})`);
  });
}

/**
 * One line for each thing that a reader of `published` relies on and `current` breaks; none: compatible.
 * @throws Error for a keyword that the comparison has no rule for.
 */
export function incompatibilities(published: Schema, current: Schema, path = ""): string[] {
  for (const keyword of [...Object.keys(published), ...Object.keys(current)]) {
    if (![...ANNOTATIONS, ...COMPARED, ...BOUNDS].includes(keyword)) {
      throw new Error(
        `${path || "(root)"}: the schema has the keyword ${keyword}: add a rule for it to outputs/compatibility.ts`,
      );
    }
  }
  const where = path || "(root)";
  return [
    ...typeProblems(where, published, current),
    ...valueProblems(where, published, current),
    ...boundProblems(where, published, current),
    ...objectProblems(path, published, current),
    ...elementProblems(path, published, current),
    ...choiceProblems(where, published, current),
  ];
}
