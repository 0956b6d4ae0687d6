/**
 * Loads two parts of Pulumi's SDK only when they are used: npm's dependency tree and the TypeScript
 * compiler, which serialize functions (dynamic providers, callbacks of serverless resources). This
 * program uses neither, and they take 0.4 s of the 0.65 s of processor time that loading the SDK costs
 * (SDK 3.258). Must be imported before anything that imports the SDK.
 */
import { createRequire, Module } from "node:module";

const fromHere = createRequire(import.meta.url);
const fromSdk = createRequire(fromHere.resolve("@pulumi/pulumi"));

/** Undefined if this version of the SDK has no such module. */
function fileOf(name: string): string | undefined {
  try {
    return fromSdk.resolve(name);
  } catch {
    return undefined;
  }
}

/** Puts a placeholder into the module cache; the first access to it loads the module. */
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
      // TypeScript's `import * as` reads this at once, and copies every export if it is not true.
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
