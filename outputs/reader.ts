import * as pulumi from "@pulumi/pulumi";
import type { StackOutputs } from "./contract.ts";
import { parseOutputs } from "./parse.ts";

/**
 * The outputs of another stack, typed and checked.
 *
 * @example
 * const fleet = readStack("organization/pantheros/production");
 * const address = fleet.apply(({ hosts }) => hosts["web"]?.addresses.ipv4);
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
