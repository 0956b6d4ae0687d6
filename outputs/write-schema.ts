/** Writes the contract's JSON Schema, in the repository's root; `make docs` runs it. */
import { writeFileSync } from "node:fs";
import { contractSchema, schemaFile } from "./json-schema.ts";

writeFileSync(schemaFile, contractSchema());
console.log(`wrote ${schemaFile}`);
