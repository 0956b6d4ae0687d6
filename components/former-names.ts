/** A rename is one edit: what was made for a host under its former name is found again, and nothing is made twice. */
import * as pulumi from "@pulumi/pulumi";

/** A host, and the name that it had before. */
export interface RenamedHost {
  readonly name: string;
  readonly formerly?: string | undefined;
}

/**
 * Options of a resource that is named after a host. It and each resource inside it carry their own former names: an alias of the outer
 * one alone is lost once that one is renamed in the state, and the next run would delete what a failed run did not reach.
 */
export function formerNames({
  name,
  formerly,
}: RenamedHost): Pick<pulumi.ComponentResourceOptions, "transformations"> {
  if (formerly === undefined) return {};
  const addAlias: pulumi.ResourceTransformation = ({ name: called, props, opts }) => {
    if (called !== name && !called.startsWith(`${name}-`)) return undefined;
    const aliases = [{ name: `${formerly}${called.slice(name.length)}` }];
    return { props, opts: pulumi.mergeOptions(opts, { aliases }) };
  };
  return { transformations: [addAlias] };
}
