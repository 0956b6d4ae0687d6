import { parse, TomlDate, TomlError } from "smol-toml";
import type { Problem } from "./problems.ts";

/** Deeper than any key of the schema. Nesting below this limit overflows the stack of neither reader. */
const MAX_DEPTH = 64;

/**
 * Tokens of TOML: strings, comments, ends of lines, brackets, blanks and words. `"""` must be tried
 * before `"`.
 */
const TOKEN =
  /"""(?:[^\\]|\\.)*?"{3,5}|'''.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|\r?\n|[[\]{},]|[ \t]+|[^"'#\r\n[\]{}, \t]+/gs;

function position(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** TOML 1.1 that smol-toml reads and Nix refuses, and line ends inside strings. `text` is valid for smol-toml. */
function syntaxProblems(text: string): Problem[] {
  const problems: Problem[] = [];
  const open: string[] = [];
  let previous = "";
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const report = (message: string, offset = 0) =>
      problems.push({ key: position(text, index + offset), message });
    const inTable = open.at(-1) === "{";
    if (token.startsWith('"')) {
      const found = /^(?:[^\\]|\\[^ex])*?\\([ex])/.exec(token);
      if (found !== null) {
        const at = found[0].length - 2;
        report(
          `Nix can't read the escape \\${found[1]}, which is new in TOML 1.1: use \\u and four digits`,
          at,
        );
      }
    }
    if (/^["']/.test(token) && token.includes("\r")) {
      report("a string over several lines has Windows line ends (CRLF): save the file with LF");
    }
    if (token.startsWith("#") || token.endsWith("\n")) {
      if (inTable) {
        report("Nix can't read an inline table over several lines: put it on one line, or use [a.table]");
        open[open.length - 1] = "reported";
      }
      continue;
    }
    if (/^[ \t]/.test(token)) continue;
    if (token === "}" && inTable && previous === ",") {
      report("Nix can't read a comma before the end of an inline table: remove the comma");
    }
    if (token === "{" || token === "[") open.push(token);
    if (token === "}" || token === "]") open.pop();
    previous = token;
  }
  return problems;
}

/** What is wrong with a value for Nix, or undefined. Integers are bigints, and other numbers floats. */
function valueProblem(value: unknown): string | undefined {
  if (value instanceof TomlDate) return "Nix can't read dates and times: write it in quotes";
  if (typeof value === "string" && value.includes("\0"))
    return "Nix can't hold the character U+0000: remove it";
  if (typeof value !== "bigint" && typeof value !== "number") return undefined;
  if (!Number.isFinite(Number(value))) return "not a finite number: write a number, or remove the key";
  if (!Number.isInteger(Number(value))) return undefined;
  if (!Number.isSafeInteger(Number(value))) {
    return "an integer is between -9007199254740991 and 9007199254740991: write a larger one in quotes";
  }
  if (typeof value === "bigint") return undefined;
  return `a float for Nix and an integer for this program: write ${BigInt(value)}, without "." or "e"`;
}

/** Turns bigints into numbers, in place, and adds what Nix reads differently to `problems`. */
function convert(value: unknown, key: string, problems: Problem[], depth = 0): unknown {
  const message =
    depth > MAX_DEPTH ? `nested deeper than ${MAX_DEPTH} levels: use fewer` : valueProblem(value);
  if (message !== undefined) {
    problems.push({ key: depth > MAX_DEPTH ? `${key.slice(0, 60)}…` : key, message });
    return value;
  }
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) {
    return value.map((item, i) => convert(item, `${key}[${i}]`, problems, depth + 1));
  }
  if (typeof value !== "object" || value === null) return value;
  const table = value as Record<string, unknown>;
  for (const [name, inner] of Object.entries(table)) {
    const own = key === "" ? name : `${key}.${name}`;
    if (name === "__proto__")
      problems.push({ key: own, message: "this name is reserved: use a different one" });
    if (name.includes("\0"))
      problems.push({ key: own, message: "Nix can't hold the character U+0000: remove it" });
    table[name] = convert(inner, own, problems, depth + 1);
  }
  return table;
}

/**
 * Reads the part of TOML that smol-toml and Nix's `builtins.fromTOML` read alike. The evaluation
 * happens after servers are created, so what only Nix refuses must be refused here.
 * tests/property/toml.test.ts compares the two readers.
 */
export function readToml(text: string): { readonly tables: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  try {
    const tables = convert(parse(text, { integersAsBigInt: true }), "", problems);
    return { tables, problems: [...syntaxProblems(text), ...problems] };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const summary = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "not TOML";
    const key = `line ${error.line}, column ${error.column}`;
    return { tables: undefined, problems: [{ key, message: summary }] };
  }
}
