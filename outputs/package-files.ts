/**
 * Compiles the npm package that other teams install: outputs/dist. The compiled files are in the
 * repository, so an installation from a path runs no script and needs nothing else of the repository.
 * They are CommonJS, which both `import` and `require` load, and so does Pulumi's default of TypeScript.
 */
import { basename, join } from "node:path";
import ts from "typescript";
import { SCHEMA_VERSION } from "./contract.ts";
import { contractSchema } from "./json-schema.ts";
import { typeDeclarations } from "./type-declarations.ts";

/** Directory of the compiled files, relative to the repository. */
const PACKAGE_DIRECTORY = "outputs/dist";

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts"],
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  strict: true,
  declaration: true,
  rewriteRelativeImportExtensions: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  types: [],
};

/**
 * Path -> text of each file.
 * @throws Error with the compiler's messages.
 */
export function packageFiles(): ReadonlyMap<string, string> {
  const program = ts.createProgram(["outputs/index.ts"], OPTIONS);
  const files = new Map([[join(PACKAGE_DIRECTORY, "package.json"), '{ "type": "commonjs" }\n']]);
  const emitted = program.emit(undefined, (path, text) => {
    // Declarations keep the extensions of sources.
    const imports = text.replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"');
    files.set(join(PACKAGE_DIRECTORY, basename(path)), imports);
  });
  const types = typeDeclarations(JSON.parse(contractSchema()), SCHEMA_VERSION);
  files.set(join(PACKAGE_DIRECTORY, "contract.d.ts"), types);
  const problems = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  if (problems.length > 0) {
    throw new Error(
      ts.formatDiagnostics(problems, {
        getCurrentDirectory: () => process.cwd(),
        getCanonicalFileName: (name) => name,
        getNewLine: () => "\n",
      }),
    );
  }
  return files;
}
