/**
 * Writes the program of the control centre's service: `tools/with node tools/centre/bundle.ts DIRECTORY`. The NixOS
 * module pantheros.controlCenter runs it from the folder `centre` of a host. It needs nothing of node_modules, and less
 * memory than the sources (docs/control-centre.md).
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const ROOT = path.join(import.meta.dirname, "../..");
/** centre/assets/assets.ts reads its files beside itself, and this one in node_modules, two folders up. */
const MORPH = "node_modules/idiomorph/dist/idiomorph.esm.js";
const PROGRAM = "lib/centre";

/** Packages that import CommonJS ones need `require`, which a module does not have. */
const REQUIRE = `import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);`;

const [given] = process.argv.slice(2);
if (given === undefined || given.startsWith("-")) {
  process.stderr.write("tools/with node tools/centre/bundle.ts DIRECTORY   such as nix/hosts/HOST/centre\n");
  process.exit(given === "--help" ? 0 : 2);
}
const directory = path.resolve(given);
const program = path.join(directory, PROGRAM);
rmSync(directory, { recursive: true, force: true });
mkdirSync(program, { recursive: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: { main: "cli/centre/main.ts" },
  outdir: program,
  bundle: true,
  // What is imported only at a login stays in a file of its own, which is loaded then.
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minify: true,
  legalComments: "inline",
  banner: { js: REQUIRE },
  logLevel: "warning",
});
for (const name of readdirSync(path.join(ROOT, "centre/assets"))) {
  if (!name.endsWith(".ts")) copyFileSync(path.join(ROOT, "centre/assets", name), path.join(program, name));
}
const morph = path.join(directory, MORPH);
mkdirSync(path.dirname(morph), { recursive: true });
copyFileSync(path.join(ROOT, MORPH), morph);
process.stderr.write(`${given}: written; commit it\n`);
