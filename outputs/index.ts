/** The package's public interface. */
export { type HostOutputs, type Revision, SCHEMA_VERSION, type StackOutputs } from "./contract.ts";
export { parseOutputs } from "./parse.ts";
export { readStack } from "./reader.ts";
