/** Renamed hosts: their resources keep their state through aliases, and nothing is created twice. */
import * as pulumi from "@pulumi/pulumi";

/** A host and its former name. */
export interface RenamedHost {
  readonly name: string;
  readonly formerly?: string | undefined;
}

/**
 * Options of a resource that is named after a host. Each resource inside it gets an alias of its
 * own, because the outer resource's alias is lost as soon as the state has its new name. Otherwise,
 * after a failed run, the next run would delete the inner resources that the failed one did not
 * reach.
 */
export function formerNames({
  name,
  formerly,
}: RenamedHost): Pick<pulumi.ComponentResourceOptions, "transformations"> {
  if (formerly === undefined) return {};
  const addAlias: pulumi.ResourceTransformation = ({ name: resource, props, opts }) => {
    if (resource !== name && !resource.startsWith(`${name}-`)) return undefined;
    const aliases = [{ name: `${formerly}${resource.slice(name.length)}` }];
    return { props, opts: pulumi.mergeOptions(opts, { aliases }) };
  };
  return { transformations: [addAlias] };
}
