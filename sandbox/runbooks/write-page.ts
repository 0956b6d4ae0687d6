/** Writes docs/runbooks.md; part of `make docs`. */
import { writeFileSync } from "node:fs";
import { loadInventory } from "../../inventory/load.ts";
import { runbooksPage } from "./page.ts";

writeFileSync("docs/runbooks.md", runbooksPage(loadInventory("nix/fleet.toml")));
