/** Bundles a program of the control centre into a folder, with the files that it reads. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const ROOT = path.join(import.meta.dirname, "../..");
/** centre/assets/assets.ts reads its files beside itself, and this one in node_modules, two folders up. */
const MORPH = "node_modules/idiomorph/dist/idiomorph.esm.js";
const PROGRAM = "lib/centre";

/** Packages that import CommonJS ones need `require`, which a module does not have. */
const REQUIRE = `import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);`;

/**
 * @param entry the program, relative to the repository
 * @param directory is replaced
 * @returns the file that Node runs
 */
export async function bundleCentre(entry: string, directory: string): Promise<string> {
  const program = path.join(directory, PROGRAM);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(program, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: { main: entry },
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
  return path.join(program, "main.js");
}
