// Plain JavaScript: an old Node must be able to parse this file to print the error below.
const nodeModule = require("node:module");
const path = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `pulumi-language-nodejs: Node ${process.versions.node} cannot run TypeScript directly; 22.18 or newer is needed. ` +
      "Run tools/setup, then use tools/pulumi.\n",
  );
  process.exit(1);
}

const cacheHome = process.env.XDG_CACHE_HOME || path.join(require("node:os").homedir(), ".cache");
process.env.NODE_COMPILE_CACHE ||= path.join(cacheHome, "pantheros", "node-compile");
nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
import("./main.ts");
