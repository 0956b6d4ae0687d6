import { readFileSync, writeFileSync } from "node:fs";
import { CAPABILITY_DOCS, OPERATOR_RULES, operatorRules, withCapabilityTable } from "./capabilities.ts";
import { loadInventory } from "./load.ts";
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
writeFileSync(OPERATOR_RULES, operatorRules());
const { roles } = loadInventory("nix/fleet.toml");
writeFileSync(CAPABILITY_DOCS, withCapabilityTable(readFileSync(CAPABILITY_DOCS, "utf8"), roles));
