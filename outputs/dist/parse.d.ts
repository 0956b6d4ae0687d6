import { type StackOutputs } from "./contract.js";
/**
 * Checks the outputs of a stack.
 * @throws Error with the stack, each invalid key and the expected value.
 */
export declare function parseOutputs(stack: string, outputs: unknown): StackOutputs;
