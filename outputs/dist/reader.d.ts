import * as pulumi from "@pulumi/pulumi";
import type { StackOutputs } from "./contract.js";
/**
 * The outputs of another stack, typed and checked.
 *
 * @example
 * const fleet = readStack("organization/pantheros/production");
 * const address = fleet.apply(({ hosts }) => hosts["web"]?.addresses.ipv4);
 *
 * @param stack full name of the stack; with your own backend `organization/pantheros/production`
 */
export declare function readStack(stack: string, opts?: pulumi.CustomResourceOptions): pulumi.Output<StackOutputs>;
