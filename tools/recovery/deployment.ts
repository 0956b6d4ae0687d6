/**
 * The state of a stack as `pulumi stack export` writes it, reduced to what recovery uses. A run that is killed during a
 * vendor's request leaves a pending "creating" operation: the object may or may not exist at the vendor.
 */
export type Properties = Readonly<Record<string, unknown>>;

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly provider?: string;
  readonly inputs?: Properties;
  readonly outputs?: Properties;
  /** Why the engine considers the resource incomplete; a successful read or update empties the list. */
  readonly initErrors?: readonly string[];
  /** To be deleted, because it was replaced. */
  readonly delete?: boolean;
  /** Deleted already; its replacement is not created yet. */
  readonly pendingReplacement?: boolean;
  readonly [other: string]: unknown;
}

/**
 * Marks an adopted resource until it is read. The mark is in the state, and so in every backend. The engine updates a marked
 * resource even without a difference, which reads it, so a plain `up` succeeds after a recovery that failed half way.
 * tools/pulumi-sandbox.sh searches for this text.
 */
export const NOT_READ = "adopted by recovery, not read yet";

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

/** Of the CLI options only `--stack`: `stack export` and `stack import` accept no other. */
export function stackOption(options: readonly string[]): string[] {
  const at = options.indexOf("--stack");
  const name = options[at + 1];
  return at < 0 || name === undefined ? [] : ["--stack", name];
}

/** Resources whose creation was interrupted. A component has no object at a vendor. */
export function pendingCreations({ deployment }: Exported): readonly StateResource[] {
  return (deployment.pending_operations ?? [])
    .filter(({ type, resource }) => type === "creating" && resource["custom"] === true)
    .map(({ resource }) => resource);
}

/**
 * URNs of resources whose update was interrupted: the state does not show whether the vendor applied it. A resource that was
 * being renamed is in the state under its former name.
 */
export const pendingUpdates = ({ deployment }: Exported): readonly string[] =>
  (deployment.pending_operations ?? [])
    .filter(({ type, resource }) => type === "updating" && resource["custom"] === true)
    .flatMap(({ resource: { urn, type, id } }) => {
      const known = (deployment.resources ?? []).filter((each) => each.delete !== true);
      const found =
        known.find((each) => each.urn === urn) ?? known.find((each) => each.type === type && each.id === id);
      return found === undefined ? [] : [found.urn];
    });

/** Inputs of the provider that a resource belongs to, such as its endpoint; empty when the state does not hold it. */
export function providerInputs({ deployment }: Exported, resource: StateResource): Properties {
  // A reference is URN::ID.
  const urn = resource.provider?.slice(0, resource.provider.lastIndexOf("::"));
  return deployment.resources?.find((candidate) => candidate.urn === urn)?.inputs ?? {};
}

/** URNs of resources that an earlier recovery adopted and could not read. */
export function notRead({ deployment }: Exported): readonly string[] {
  return (deployment.resources ?? [])
    .filter(({ initErrors }) => initErrors?.includes(NOT_READ) === true)
    .map(({ urn }) => urn);
}

/**
 * The state with the found objects (URN -> id) as resources, and without pending creations. The outputs of an adopted resource
 * are its inputs and its id, as a plugin has them when it reads an object that it has just created. They include what no
 * vendor returns (requested addresses, keys, user data); without outputs a plugin would read the object as for an import and
 * lose these. An object that was to replace a resource takes its place, and the former one is marked for deletion.
 */
export function adopt(exported: Exported, found: ReadonlyMap<string, string>): Exported {
  const { deployment } = exported;
  const live = new Map(
    deployment.resources?.filter((known) => known.delete !== true).map((known) => [known.urn, known]),
  );
  const adopted = pendingCreations(exported).flatMap((resource): StateResource[] => {
    const id = found.get(resource.urn);
    if (id === undefined || live.get(resource.urn)?.id === id) return [];
    const inputs = resource.inputs ?? {};
    return [{ ...resource, id, outputs: { ...knownOutputs(inputs), id }, initErrors: [NOT_READ] }];
  });
  const replaced = new Set(adopted.map(({ urn }) => urn));
  const kept = (deployment.resources ?? []).flatMap((known) => {
    if (!replaced.has(known.urn) || known.delete === true) return [known];
    // The object was deleted before its replacement: only the engine's entry is left.
    return known.pendingReplacement === true ? [] : [{ ...known, delete: true }];
  });
  return {
    ...exported,
    deployment: {
      ...deployment,
      resources: dependenciesFirst([...kept, ...adopted]),
      pending_operations: (deployment.pending_operations ?? []).filter(({ type }) => type !== "creating"),
    },
  };
}

/** Key of an encrypted value in a state. Source: pulumi/pulumi, sdk/go/common/resource/sig/sig.go. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

const holdsSecret = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (SIGNATURE in value || Object.values(value as Properties).some(holdsSecret));

/**
 * Inputs as outputs, without the official plugins' own entries (`__defaults`) and without secrets. A plugin reads its secret
 * properties itself. A property that only the program marks as secret (user data) loses the mark when it is read, and would
 * be stored in plain text.
 */
const knownOutputs = (inputs: Properties): Properties =>
  Object.fromEntries(
    Object.entries(inputs).filter(([key, value]) => !key.startsWith("__") && !holdsSecret(value)),
  );

/** The state without these resources and without references to them. */
export function forget(exported: Exported, urns: ReadonlySet<string>): Exported {
  const others = (list: unknown): unknown =>
    Array.isArray(list) ? list.filter((urn) => !urns.has(urn as string)) : list;
  const resources = (exported.deployment.resources ?? [])
    .filter(({ urn }) => !urns.has(urn))
    .map((resource) => {
      const { dependencies, propertyDependencies, deletedWith, ...rest } = resource;
      const properties = Object.entries((propertyDependencies ?? {}) as Properties);
      return {
        ...rest,
        ...(dependencies !== undefined && { dependencies: others(dependencies) }),
        ...(propertyDependencies !== undefined && {
          propertyDependencies: Object.fromEntries(properties.map(([key, list]) => [key, others(list)])),
        }),
        ...(deletedWith !== undefined && !urns.has(deletedWith as string) && { deletedWith }),
      };
    });
  return { ...exported, deployment: { ...exported.deployment, resources } };
}

/** The engine requires dependencies before their dependents. Otherwise the order is kept. */
function dependenciesFirst(resources: readonly StateResource[]): StateResource[] {
  const lasting = resources.filter((resource) => resource.delete !== true);
  const byUrn = new Map([...resources, ...lasting].map((resource) => [resource.urn, resource]));
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
