/** Writes the contract's JSON Schema: `node outputs/write-schema.ts`, in the repository's root, after a change of contract.ts. */
import { writeFileSync } from "node:fs";
import { contractSchema, schemaFile } from "./json-schema.ts";

writeFileSync(schemaFile, contractSchema());
console.log(`wrote ${schemaFile}`);
