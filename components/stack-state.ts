/** The stack's own state, as the run before left it: what neither the inventory nor a machine can tell. */
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";

/** The answer of the engine's `readStackResourceOutputs`. */
export const stackState = z.object({
  outputs: z.record(z.string(), z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()) })),
});

/** Asks the engine. It may refuse: what that means is for the caller to say. */
export function readStackState(): Promise<unknown> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  return pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName }, {});
}
