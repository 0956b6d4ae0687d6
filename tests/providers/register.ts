/** Registers the providers of the tests, like a user's own. It must be imported before the inventory. */
import { resolve } from "node:path";

process.env["PANTHEROS_PROVIDERS"] = resolve("tests/providers/rack");
