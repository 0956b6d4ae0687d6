/**
 * Parts of Pulumi's SDK that wait until somebody uses them: npm's dependency tree and the TypeScript compiler, with which it serializes
 * functions (dynamic providers, callbacks of serverless resources). Nothing here does, and they are two thirds of what loading the SDK
 * costs: 0.4 s of 0.65 s of processor time at each start (SDK 3.258).
 * To be imported before anything that imports the SDK.
 */
import { createRequire, Module } from "node:module";

const fromHere = createRequire(import.meta.url);
const fromSdk = createRequire(fromHere.resolve("@pulumi/pulumi"));

/** Undefined where another version of the SDK has no such module. */
function fileOf(name: string): string | undefined {
  try {
    return fromSdk.resolve(name);
  } catch {
    return undefined;
  }
}

/** Takes a module's place among those loaded; who reads anything of it has the real one loaded. */
function loadLazily(name: string): void {
  const file = fileOf(name);
  if (file === undefined || fromSdk.cache[file] !== undefined) return;
  let loaded: Record<PropertyKey, unknown> | undefined;
  const real = () => {
    if (loaded === undefined) {
      delete fromSdk.cache[file];
      loaded = fromSdk(name) as Record<PropertyKey, unknown>;
    }
    return loaded;
  };
  const placeholder = new Module(file);
  placeholder.filename = file;
  placeholder.loaded = true;
  placeholder.exports = new Proxy(
    {},
    {
      // TypeScript's `import * as` asks for this one at once, and copies all the others where it is not true.
      get: (_, key) => (key === "__esModule" ? true : real()[key]),
      has: (_, key) => key in real(),
      ownKeys: () => Reflect.ownKeys(real()),
      getOwnPropertyDescriptor: (_, key) => {
        const own = Reflect.getOwnPropertyDescriptor(real(), key);
        return own && { ...own, configurable: true };
      },
    },
  );
  fromSdk.cache[file] = placeholder;
}

for (const name of ["@npmcli/arborist", "./typescript-shim.js"]) loadLazily(name);
