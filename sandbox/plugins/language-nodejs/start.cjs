// Plain JavaScript on purpose: an old Node must be able to parse this far to say what is wrong.
const nodeModule = require("node:module");
const path = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `pulumi-language-nodejs: Node ${process.versions.node} cannot run TypeScript directly; 22.18 or newer is needed. ` +
      "Run tools/setup, then go through tools/pulumi.\n",
  );
  process.exit(1);
}

const cacheHome = process.env.XDG_CACHE_HOME || path.join(require("node:os").homedir(), ".cache");
process.env.NODE_COMPILE_CACHE ||= path.join(cacheHome, "pantheros", "node-compile");
nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
import("./main.ts");
