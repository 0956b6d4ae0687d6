/** Writes the contract's JSON Schema, in the repository's root; `make docs` runs it. */
import { writeFileSync } from "node:fs";
import { contractSchema, SCHEMA_FILE } from "./json-schema.ts";

writeFileSync(SCHEMA_FILE, contractSchema());
console.log(`wrote ${SCHEMA_FILE}`);
