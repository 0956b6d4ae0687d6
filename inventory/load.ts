import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import type * as z from "zod";
import { entryOf } from "../lib/entry-of.ts";
import { nearestName } from "../lib/names.ts";
import { RunError } from "../lib/run-error.ts";
import { crossProblems } from "./checks.ts";
import type { Problem } from "./problems.ts";
import { PROVIDER_TABLES } from "./providers.ts";
import { keysAt } from "./reference.ts";
import { type Inventory, inventorySchema } from "./schema.ts";
import { readToml } from "./toml.ts";

/**
 * An invalid inventory. The message has one line per problem: file, key, problem and remedy.
 * It is a RunError, so Pulumi prints the message and no stack trace.
 */
export class InventoryError extends RunError {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map((problem) => `${file}: ${problem.key}: ${problem.message}`).join("\n"));
    this.file = file;
    this.problems = problems;
  }
}

/** A path as a key of the file: `hosts.web.health[0].url`. */
function keyOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((key, part) => {
    if (typeof part === "number") return `${key}[${part}]`;
    return key === "" ? String(part) : `${key}.${String(part)}`;
  }, "");
}

/** Keys of former versions that nothing reads, with the remedy. */
const REMOVED_KEYS: Readonly<Record<string, string>> = {
  "ports.http": "never had an effect: public names are served on 80 and 443; remove it",
  "ports.https": "never had an effect: public names are served on 80 and 443; remove it",
};

const unknownProvider = (): string => {
  const kinds = PROVIDER_TABLES.map(({ kind }) => JSON.stringify(kind)).join(", ");
  return `must be ${kinds}, or a provider that PANTHEROS_PROVIDERS registers (providers/README.md)`;
};

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const key = keyOf(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((name) => {
        const full = key === "" ? name : `${key}.${name}`;
        const removed = entryOf(REMOVED_KEYS, full);
        if (removed !== undefined) return { key: full, message: removed };
        const nearest = nearestName(name, keysAt(issue.path));
        const remedy = nearest === undefined ? ": remove it, or see" : `; did you mean "${nearest}"? See`;
        return {
          key: full,
          message: `unknown key${remedy} docs/inventory.md for the keys of this table`,
        };
      });
    case "invalid_key":
      return [{ key, message: `invalid name: ${issue.issues.map((inner) => inner.message).join("; ")}` }];
    case "invalid_type":
      return [{ key, message: issue.message.replace(/^Invalid input: /, "") }];
    case "invalid_value":
      return [{ key, message: `must be ${issue.values.map((value) => JSON.stringify(value)).join(", ")}` }];
    case "invalid_union":
      if (/^hosts\.[^.]+\.provider\.kind$/.test(key)) return [{ key, message: unknownProvider() }];
      return [
        {
          key,
          message:
            issue.message === "Invalid input"
              ? "not one of the allowed forms; see docs/inventory.md"
              : issue.message,
        },
      ];
    default:
      return [{ key, message: issue.message }];
  }
}

/**
 * Parses and checks the text of an inventory.
 * @throws InventoryError with the file and every invalid key.
 */
export function parseInventory(text: string, file: string): Inventory {
  const { tables, problems: unreadable } = readToml(text);
  if (unreadable.length > 0) throw new InventoryError(file, unreadable);
  const result = inventorySchema.safeParse(tables);
  if (!result.success) throw new InventoryError(file, result.error.issues.flatMap(problemsOf));
  const problems = crossProblems(result.data);
  if (problems.length > 0) throw new InventoryError(file, problems);
  return result.data;
}

/**
 * Reads an inventory from disk.
 * @throws InventoryError when the file is missing or invalid.
 */
export function loadInventory(file: string): Inventory {
  const unreadable = (message: string) => new InventoryError(file, [{ key: "(file)", message }]);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    throw unreadable("cannot be read; set pantheros:fleet to the path of your fleet.toml");
  }
  if (!isUtf8(bytes)) throw unreadable("not UTF-8; save it with this encoding");
  return parseInventory(bytes.toString(), file);
}
