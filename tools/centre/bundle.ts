/**
 * Writes the program of the control centre's service: `tools/with node tools/centre/bundle.ts DIRECTORY`. The NixOS
 * module pantheros.controlCenter runs it from the folder `centre` of a host. It needs nothing of node_modules, and less
 * memory than the sources (docs/control-centre.md).
 */
import path from "node:path";
import { bundleCentre } from "./build.ts";

const [given] = process.argv.slice(2);
if (given === undefined || given.startsWith("-")) {
  process.stderr.write("tools/with node tools/centre/bundle.ts DIRECTORY   such as nix/hosts/HOST/centre\n");
  process.exit(given === "--help" ? 0 : 2);
}
const directory = path.resolve(given);
await bundleCentre("cli/centre/main.ts", directory);
process.stderr.write(`${given}: written; commit it\n`);
