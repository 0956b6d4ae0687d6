import * as pulumi from "@pulumi/pulumi";
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

/**
 * The outputs of another stack, typed and checked.
 *
 * @example
 * const fleet = readStack("organization/pantheros/production");
 * const address = fleet.apply(({ hosts }) => hosts["hetzner-vps"]?.addresses.ipv4);
 *
 * @param stack full name of the stack; with your own backend `organization/pantheros/production`
 */
export function readStack(stack: string, opts?: pulumi.CustomResourceOptions): pulumi.Output<StackOutputs> {
  const reference = new pulumi.StackReference(
    `outputs-of-${stack.replaceAll("/", "-")}`,
    { name: stack },
    opts,
  );
  return reference.outputs.apply((outputs: unknown) => parseOutputs(stack, outputs));
}
