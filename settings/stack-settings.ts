// Single modules, because the whole SDK takes much longer to load and the program's start
// (index.ts) does not need it.
import { Config } from "@pulumi/pulumi/config.js";
import { getStack } from "@pulumi/pulumi/metadata.js";
import { type Settings, settingsFrom } from "./settings.ts";

/** Settings of the current stack. */
export function readSettings(): Settings {
  const config = new Config();
  const objects = new Set(["flakeOverrides", "addresses", "pins"]);
  return settingsFrom({
    stack: getStack(),
    get: (key) => (objects.has(key) ? config.getObject(key) : config.get(key)),
    env: (name) => process.env[name],
  });
}
