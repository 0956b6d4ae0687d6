/**
 * Writes the contract's JSON Schema and the package's compiled files, in the repository's root; `make
 * docs` runs it. It refuses a schema that breaks readers of the published one.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { brokenPromises, contractSchema, PUBLISHED_FILE, SCHEMA_FILE } from "./json-schema.ts";
import { packageFiles } from "./package-files.ts";

const schema = contractSchema();
const problems = brokenPromises(schema);
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
const files = new Map([[SCHEMA_FILE, schema], [PUBLISHED_FILE, schema], ...packageFiles()]);
for (const [file, text] of files) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
}
