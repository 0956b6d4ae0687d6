import { SCHEMA_VERSION, type StackOutputs, stackOutputs } from "./contract.ts";

/**
 * Checks the outputs of a stack.
 * @throws Error with the stack, each invalid key and the expected value.
 */
export function parseOutputs(stack: string, outputs: unknown): StackOutputs {
  const version = (outputs as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (version === undefined) {
    throw new Error(
      `stack ${stack} has no output schemaVersion: it is not a PantherOS stack, or was never deployed`,
    );
  }
  if (version !== SCHEMA_VERSION) {
    throw new Error(
      `stack ${stack} has schemaVersion ${JSON.stringify(version)}; this reader supports ${SCHEMA_VERSION}: update the reader`,
    );
  }
  const result = stackOutputs.safeParse(outputs);
  if (!result.success) {
    const lines = result.error.issues.map(
      (issue) => `stack ${stack}: ${issue.path.map(String).join(".")}: ${issue.message}`,
    );
    throw new Error(lines.join("\n"));
  }
  return result.data;
}
