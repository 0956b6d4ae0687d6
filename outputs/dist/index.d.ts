/** The package's public interface. */
export { type HostOutputs, type Revision, SCHEMA_VERSION, type StackOutputs } from "./contract.js";
export { parseOutputs } from "./parse.js";
export { readStack } from "./reader.js";
