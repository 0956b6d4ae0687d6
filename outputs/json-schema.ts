import * as z from "zod";
import { SCHEMA_VERSION, stackOutputs } from "./contract.ts";

/** Path of the generated file, relative to the repository. */
export const SCHEMA_FILE = `outputs/schema.v${SCHEMA_VERSION}.json`;

/** The contract as JSON Schema (2020-12). It allows unknown fields, because a later release may add some. */
export const contractSchema = (): string =>
  `${JSON.stringify(z.toJSONSchema(stackOutputs, { io: "input" }), null, 2)}\n`;
