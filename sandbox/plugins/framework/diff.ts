/** Compares the previous inputs with the current ones, property by property. */
import type { Property } from "./resource.ts";
import { hasUnknown, isObject, type Json, type Properties, sameValue } from "./values.ts";

export type Change = "add" | "delete" | "update";

export interface Difference {
  /** Property path in the engine's notation, such as `rules[0].port`. */
  path: string;
  change: Change;
  replace: boolean;
}

type Path = (string | number)[];

/** Formats a path as the engine does: `labels.env`, `rules[2]`, `labels["a.b"]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((written, key) => {
    if (typeof key === "number") return `${written}[${key}]`;
    if (/^[A-Za-z_$][\w$]*$/.test(key)) return written === "" ? key : `${written}.${key}`;
    return `${written}[${JSON.stringify(key)}]`;
  }, "");
}

/** Parses such a path; `*` matches every key. */
export function parsePath(path: string): Path {
  const keys: Path = [];
  for (const match of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)) {
    if (match[1] !== undefined) keys.push(match[1].replace(/\\(.)/g, "$1"));
    else if (match[2] !== undefined) keys.push(match[2] === "*" ? "*" : Number(match[2]));
    else if (match[3] !== undefined) keys.push(match[3]);
  }
  return keys;
}

function covers(pattern: Path, path: Path): boolean {
  return pattern.length <= path.length && pattern.every((key, index) => key === "*" || key === path[index]);
}

function sortKey(value: Json): string {
  return isObject(value) ? JSON.stringify(Object.entries(value).sort()) : JSON.stringify(value);
}

/** The normal form of a value: equal values have equal forms. */
function normalised(
  property: Property | undefined,
  value: Json | undefined,
  inputs: Properties,
): Json | undefined {
  if (value === undefined || hasUnknown(value)) return value;
  let form = property?.normalise ? property.normalise(value, inputs) : value;
  if (property?.set && Array.isArray(form))
    form = [...form].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  return form;
}

function walk(path: Path, old: Json | undefined, now: Json | undefined, found: [Path, Change][]): void {
  if (sameValue(old, now)) return;
  if (old === undefined) found.push([path, "add"]);
  else if (now === undefined) found.push([path, "delete"]);
  else if (Array.isArray(old) && Array.isArray(now)) {
    for (let index = 0; index < Math.max(old.length, now.length); index += 1) {
      walk([...path, index], old[index], now[index], found);
    }
  } else if (isObject(old) && isObject(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      walk([...path, key], old[key], now[key], found);
    }
  } else found.push([path, "update"]);
}

/** Whether the absence of an input is no change to the official provider. */
function isKept(property: Property | undefined, value: Json | undefined): boolean {
  if (property?.keptWhen === undefined) return false;
  return value === undefined || (property.keptWhen === "empty" && Array.isArray(value) && value.length === 0);
}

/**
 * The differences between old and new inputs, except those under `ignored` paths. A value that is not
 * known yet is a change. An absent input equals its default.
 */
export function differences(
  properties: Record<string, Property>,
  old: Properties,
  now: Properties,
  ignored: string[] = [],
): Difference[] {
  const patterns = ignored.map(parsePath);
  const result: Difference[] = [];
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const property = properties[key];
    if (isKept(property, now[key])) continue;
    const before = normalised(property, old[key] ?? property?.default, old);
    const after = normalised(property, now[key] ?? property?.default, now);
    if (sameValue(before, after)) continue;
    const found: [Path, Change][] = [];
    if (property?.set || property?.normalise) {
      found.push([[key], old[key] === undefined ? "add" : now[key] === undefined ? "delete" : "update"]);
    } else walk([key], old[key], now[key], found);
    for (const [path, change] of found) {
      if (patterns.some((pattern) => covers(pattern, path))) continue;
      result.push({ path: formatPath(path), change, replace: property?.replace === true });
    }
  }
  return result;
}

/** The names of the inputs that differ. */
export function changedInputs(
  properties: Record<string, Property>,
  old: Properties,
  now: Properties,
): Set<string> {
  return new Set(differences(properties, old, now).map(({ path }) => String(parsePath(path)[0])));
}

/**
 * The inputs to record after an object is read. An input keeps the program's spelling while the vendor's
 * value means the same; an input that drifted takes the vendor's value. An input that the program never
 * gave appears only when it has a default and differs from it. Without previous inputs (an import) every
 * input takes the vendor's value.
 */
export function inputsAfterRead(
  properties: Record<string, Property>,
  previous: Properties,
  actual: Properties,
): Properties {
  const importing = Object.keys(previous).length === 0;
  const result: Properties = {};
  for (const [key, property] of Object.entries(properties)) {
    const before = previous[key];
    const found = actual[key];
    const same = sameValue(
      normalised(property, before ?? property.default, previous),
      normalised(property, found ?? property.default, actual),
    );
    if (property.writeOnly || (before !== undefined && same)) {
      if (before !== undefined) result[key] = before;
    } else if (
      found !== undefined &&
      !same &&
      (importing || before !== undefined || property.default !== undefined)
    ) {
      result[key] = found;
    }
  }
  return result;
}
