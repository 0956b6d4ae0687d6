/** Values of resources: where they are, whether they are secret or unknown, and how they are shown. */
import { printable } from "../lib/sanitize.ts";
import { MAX_VALUE } from "./document.ts";

/** Replaces a secret value in a document. */
export const SECRET = "[secret]";
/** The engine's marks of a value that is not plain, and of a secret. Source: pulumi/pulumi, sdk/go/common/resource/sig.go. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
/** The engine's marks of unknown values. Source: pulumi/pulumi, sdk/go/common/resource/plugin/rpc.go. */
const UNKNOWN =
  /^(\[unknown\]|(04da6b54|1c4a061d|6eeba3e3|5de2b0c0|6a19a0b0|030794c1|f48284d0)-[0-9a-f]{4}-[0-9a-f-]{22})$/;

/** Replaces each secret by SECRET, with whatever the engine left of its content. */
export function withoutSecrets<T>(value: T): T;
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((part: unknown) => withoutSecrets(part));
  if (value === null || typeof value !== "object") return value;
  const signature = (value as Record<string, unknown>)[SIGNATURE];
  if (signature === SECRET_SIGNATURE) return SECRET;
  if (signature !== undefined) return "[asset]";
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutSecrets(part)]));
}

function some(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === "string") return test(value);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some((part) => some(part, test));
}

/** Whether the value, or a part of it, is secret. */
export const hasSecret = (value: unknown): boolean => some(value, (text) => text === SECRET);

/** Whether the value, or a part of it, is unknown until its resource was made. */
export const hasUnknown = (value: unknown): boolean => some(value, (text) => UNKNOWN.test(text));

/** Every text and number in a value, as text. */
export function scalars(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  if (value === null || typeof value !== "object") return [];
  return Object.values(value).flatMap(scalars);
}

/** `triggers[0].a["b.c"]` -> `triggers`, 0, `a`, `b.c`. */
function pathParts(path: string): (string | number)[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, quoted, index, name]) =>
    quoted !== undefined
      ? quoted.replace(/\\(.)/g, "$1")
      : index !== undefined
        ? Number(index)
        : (name ?? ""),
  );
}

/** What is at a path. A secret above it counts as its value, because it hides what is below. */
export function valueAt(root: unknown, path: string): unknown {
  let value = root;
  for (const part of pathParts(path)) {
    if (value === SECRET) return SECRET;
    if (value === null || typeof value !== "object") return undefined;
    if (!Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** Characters before the first difference of two long values. */
const CONTEXT = 40;

/** The value as one line of text. Keys of objects are sorted, so that equal values look equal. */
const lineOf = (value: unknown): string =>
  printable((typeof value === "string" ? value : JSON.stringify(sorted(value))) ?? "").replace(
    /\s*\n\s*/g,
    " ⏎ ",
  );

/** The value as one line of text, cut to MAX_VALUE. */
export const shown = (value: unknown): string => cut(lineOf(value), MAX_VALUE);

/** Two values; long ones from shortly before their first difference. */
export function shownBoth(before: unknown, after: unknown): readonly [string, string] {
  const [a, b] = [lineOf(before), lineOf(after)];
  const letters = [...b];
  const same = [...a].findIndex((letter, at) => letter !== letters[at]);
  const from = Math.max(a.length, b.length) <= MAX_VALUE ? 0 : Math.max(0, same - CONTEXT);
  const part = (text: string) => cut(`${from > 0 ? "…" : ""}${[...text].slice(from).join("")}`, MAX_VALUE);
  return [part(a), part(b)];
}

export const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, "")}…`;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}
