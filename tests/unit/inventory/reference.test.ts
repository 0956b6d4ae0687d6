import { readFileSync } from "node:fs";
import {
  inventoryReference,
  NIX_DEFAULTS,
  nixDefaults,
  SUPERVISOR_DEFAULTS,
  supervisorDefaults,
} from "../../../inventory/reference.ts";

test.each([
  ["docs/inventory.md", inventoryReference],
  [NIX_DEFAULTS, nixDefaults],
  [SUPERVISOR_DEFAULTS, supervisorDefaults],
])("%s is what the schema says (make docs writes it)", (file, made) => {
  expect(readFileSync(file, "utf8")).toBe(made());
});
