import { writeFileSync } from "node:fs";
import { inventoryReference } from "./reference.ts";

writeFileSync("docs/inventory.md", inventoryReference());
