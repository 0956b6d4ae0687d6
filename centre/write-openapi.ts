/** Writes centre/openapi.json, the description of the API; part of `make docs`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { openApiDocument } from "./routes/api.ts";

writeFileSync(
  path.join(import.meta.dirname, "openapi.json"),
  `${JSON.stringify(openApiDocument(), null, 2)}\n`,
);
