"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.readStack = readStack;
const pulumi = require("@pulumi/pulumi");
const parse_ts_1 = require("./parse.js");
/**
 * The outputs of another stack, typed and checked.
 *
 * @example
 * const fleet = readStack("organization/pantheros/production");
 * const address = fleet.apply(({ hosts }) => hosts["web"]?.addresses.ipv4);
 *
 * @param stack full name of the stack; with your own backend `organization/pantheros/production`
 */
function readStack(stack, opts) {
    const reference = new pulumi.StackReference(`outputs-of-${stack.replaceAll("/", "-")}`, { name: stack }, opts);
    return reference.outputs.apply((outputs) => (0, parse_ts_1.parseOutputs)(stack, outputs));
}
