import { writeFileSync } from "node:fs";
import {
  inventoryReference,
  NIX_DEFAULTS,
  nixDefaults,
  SUPERVISOR_DEFAULTS,
  supervisorDefaults,
} from "./reference.ts";

writeFileSync("docs/inventory.md", inventoryReference());
writeFileSync(NIX_DEFAULTS, nixDefaults());
writeFileSync(SUPERVISOR_DEFAULTS, supervisorDefaults());
