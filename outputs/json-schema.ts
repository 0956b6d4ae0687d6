import { existsSync, readFileSync } from "node:fs";
import * as z from "zod";
import { incompatibilities } from "./compatibility.ts";
import { SCHEMA_VERSION, stackOutputs } from "./contract.ts";

/** Path of the generated file, relative to the repository. */
export const SCHEMA_FILE = `outputs/schema.v${SCHEMA_VERSION}.json`;

/** The schema that readers have; `write-schema.ts` adds fields to it, and removes none. */
export const PUBLISHED_FILE = `outputs/published/schema.v${SCHEMA_VERSION}.json`;

/** The contract as JSON Schema (2020-12). It allows unknown fields, because a later release may add some. */
export const contractSchema = (): string =>
  `${JSON.stringify(z.toJSONSchema(stackOutputs, { io: "input" }), null, 2)}\n`;

const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;

/** What the schema breaks for readers of the published one, one line each. */
export function brokenPromises(schema: string): string[] {
  if (!existsSync(PUBLISHED_FILE)) return [];
  const current = JSON.parse(schema) as Record<string, unknown>;
  return incompatibilities(read(PUBLISHED_FILE), current).map(
    (problem) =>
      `${PUBLISHED_FILE}: ${problem}. Keep the field as it is, or raise SCHEMA_VERSION in outputs/contract.ts`,
  );
}
