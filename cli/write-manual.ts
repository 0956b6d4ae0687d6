/** Writes cli/help.txt and docs/pantheros.1; part of `make docs`. */
import { writeFileSync } from "node:fs";
import { helpFile } from "./manual/help.ts";
import { manualPage } from "./manual/page.ts";

writeFileSync("cli/help.txt", helpFile());
writeFileSync("docs/pantheros.1", manualPage());
