/**
 * Parses a host's output to a closed schema. A host may be broken or hostile, so size, depth and form of its output are limited, and
 * an output that does not fit is a failure of that host alone.
 */
import * as z from "zod";
import { oneLine, printable } from "../../lib/sanitize.ts";
import { isStorePath } from "../../lib/store-path.ts";

/** Bytes of one answer. A longer answer ends the connection. */
export const MAX_ANSWER_BYTES = 2 ** 20;
export const TOO_LONG = "the host's answer is longer than 1 MiB";

const MAX_DEPTH = 16;
/** Keys and elements of all objects and lists together. */
const MAX_ITEMS = 20_000;

/** Text of several lines for people, without control characters; of long text the end is kept. */
export const hostText = z.string().transform(printable);
/** The same, reduced to one line. */
export const hostLine = z.string().transform((text) => oneLine(text, 4096));
export const hostPath = z.string().refine(isStorePath, "not a store path");
/** Opaque; written by a deploy (deploy/spec.ts). */
export const hostToken = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "not a token");
/** Id of a boot, a machine or an attempt. */
export const hostId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "not an id");
/** Name of a phase, a step or a setting. */
export const hostWord = z.string().regex(/^[A-Za-z][A-Za-z0-9 _-]{0,63}$/, "not a word");
/** Allowed characters: systemd.unit(5). */
export const unitName = z.string().regex(/^[A-Za-z0-9:_.\\@-]{1,255}$/, "not the name of a unit");
export const hostNumber = z.number().int().min(-1).max(Number.MAX_SAFE_INTEGER);
export const hostList = <T extends z.ZodType>(element: T) => z.array(element).max(4096);

/** Properties that every object inherits. */
const INHERITED = new Set([...Object.getOwnPropertyNames(Object.prototype), "prototype"]);

/** An object whose keys the host chooses. Keys that every object inherits are dropped, unless `inherited`. */
export const hostRecord = <T extends z.ZodType>(value: T, { inherited = false } = {}) =>
  z
    .record(z.string().regex(/^[\x21-\x7e]{1,255}$/, "not a name"), value)
    .refine((found) => Object.keys(found).length <= 4096, "more than 4096 keys")
    .transform((found) =>
      Object.fromEntries(Object.entries(found).filter(([key]) => inherited || !INHERITED.has(key))),
    );

/** Why a line must not be parsed; undefined when it may be. Checked without recursion, because the parser recurses. */
function formProblem(line: string): string | undefined {
  if (line.length > MAX_ANSWER_BYTES) return "longer than 1 MiB";
  let [depth, items, inString] = [0, 0, false];
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === ",") items++;
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
    if (items > MAX_ITEMS) return `more than ${MAX_ITEMS} values`;
  }
  return undefined;
}

export type Answer<T> =
  | { readonly value: T }
  /** `cut`: it is not JSON, as when the connection was lost in the middle. */
  | { readonly problem: string; readonly cut: boolean };

function parsed(line: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(line) };
  } catch {
    return undefined;
  }
}

/** Parses the last line that starts with `{`; undefined when there is none. Unknown keys belong to later versions and are dropped. */
export function readAnswer<T>(schema: z.ZodType<T>, stdout: string): Answer<T> | undefined {
  const line = stdout
    .trim()
    .split("\n")
    .findLast((each) => each.startsWith("{"));
  if (line === undefined) return undefined;
  const form = formProblem(line);
  if (form !== undefined) return { problem: form, cut: false };
  const found = parsed(line);
  if (found === undefined) return { problem: "not JSON", cut: true };
  const read = schema.safeParse(found.json);
  if (read.success) return { value: read.data };
  const [issue] = read.error.issues;
  const key = oneLine((issue?.path ?? []).map(String).join("."), 80);
  const what = oneLine(issue?.message ?? "another form", 160);
  return { problem: key === "" ? what : `${key}: ${what}`, cut: false };
}

/** The same, for callers that only need a valid answer. */
export function parseLine<T>(schema: z.ZodType<T>, stdout: string): T | undefined {
  const answer = readAnswer(schema, stdout);
  return answer !== undefined && "value" in answer ? answer.value : undefined;
}
