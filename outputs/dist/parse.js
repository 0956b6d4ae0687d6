"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.parseOutputs = parseOutputs;
const contract_ts_1 = require("./contract.js");
/**
 * Checks the outputs of a stack.
 * @throws Error with the stack, each invalid key and the expected value.
 */
function parseOutputs(stack, outputs) {
    const version = outputs?.schemaVersion;
    if (version === undefined) {
        throw new Error(`stack ${stack} has no output schemaVersion: it is not a PantherOS stack, or was never deployed`);
    }
    if (version !== contract_ts_1.SCHEMA_VERSION) {
        throw new Error(`stack ${stack} has schemaVersion ${JSON.stringify(version)}; this reader supports ${contract_ts_1.SCHEMA_VERSION}: update the reader`);
    }
    const result = contract_ts_1.stackOutputs.safeParse(outputs);
    if (!result.success) {
        const lines = result.error.issues.map((issue) => `stack ${stack}: ${issue.path.map(String).join(".")}: ${issue.message}`);
        throw new Error(lines.join("\n"));
    }
    return result.data;
}
