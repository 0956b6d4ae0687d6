/**
 * The state of a stack, as `pulumi stack export` writes it, as far as recovery touches it. A run that was killed while a
 * vendor worked on a request leaves a pending "creating" operation: the object may or may not exist there.
 */
export type Properties = Readonly<Record<string, unknown>>;

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly provider?: string;
  readonly inputs?: Properties;
  readonly outputs?: Properties;
  readonly [other: string]: unknown;
}

interface PendingOperation {
  readonly type: string;
  readonly resource: StateResource;
}

export interface Exported {
  readonly version: number;
  readonly deployment: {
    readonly resources?: readonly StateResource[];
    readonly pending_operations?: readonly PendingOperation[];
    readonly [other: string]: unknown;
  };
}

/** Resources whose creation was under way. A component has no object at a vendor. */
export function pendingCreations({ deployment }: Exported): readonly StateResource[] {
  return (deployment.pending_operations ?? [])
    .filter(({ type, resource }) => type === "creating" && resource["custom"] === true)
    .map(({ resource }) => resource);
}

/** Inputs of the provider that a resource belongs to, such as its endpoint; empty when the state does not hold it. */
export function providerInputs({ deployment }: Exported, resource: StateResource): Properties {
  // A reference is URN::ID.
  const urn = resource.provider?.slice(0, resource.provider.lastIndexOf("::"));
  return deployment.resources?.find((candidate) => candidate.urn === urn)?.inputs ?? {};
}

/**
 * The state with the found objects as resources (URN -> id by which the vendor's plugin imports it) and without any
 * pending creation. The outputs stay empty: a refresh that meets them so reads the object as an import does.
 */
export function adopt(exported: Exported, found: ReadonlyMap<string, string>): Exported {
  const { deployment } = exported;
  const known = new Set(deployment.resources?.map(({ urn }) => urn));
  const adopted = pendingCreations(exported).flatMap((resource) => {
    const id = found.get(resource.urn);
    return id === undefined || known.has(resource.urn) ? [] : [{ ...resource, id, outputs: {} }];
  });
  return {
    ...exported,
    deployment: {
      ...deployment,
      resources: inOrder([...(deployment.resources ?? []), ...adopted]),
      pending_operations: (deployment.pending_operations ?? []).filter(({ type }) => type !== "creating"),
    },
  };
}

/** The engine demands that what a resource depends on stands before it. Otherwise the order is kept. */
function inOrder(resources: readonly StateResource[]): StateResource[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const placed = new Set<StateResource>();
  const order: StateResource[] = [];
  const place = (resource: StateResource): void => {
    if (placed.has(resource)) return;
    placed.add(resource);
    for (const urn of needs(resource)) {
      const needed = byUrn.get(urn);
      if (needed !== undefined) place(needed);
    }
    order.push(resource);
  };
  for (const resource of resources) place(resource);
  return order;
}

function needs({ provider, parent, dependencies }: StateResource): string[] {
  const texts = [parent, ...(Array.isArray(dependencies) ? dependencies : [])].filter(
    (urn) => typeof urn === "string",
  );
  return provider === undefined ? texts : [provider.slice(0, provider.lastIndexOf("::")), ...texts];
}
