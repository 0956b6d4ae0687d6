/** Which hosts have a different system than before. */

export interface ChangedHost {
  readonly host: string;
  /** Nix's name of its platform, such as `x86_64-linux`. */
  readonly system: string;
  readonly reason: string;
}

/** Host -> store path of its system; without the hosts that cannot be evaluated. */
export type Systems = ReadonlyMap<string, string>;

interface Compared {
  readonly changed: ChangedHost[];
  readonly unchanged: string[];
}

/** A host that cannot be evaluated counts as changed, so that its build shows the error. */
function reasonOf(path: string | undefined, before: string | undefined): string | undefined {
  if (path === undefined) return "it cannot be evaluated";
  if (before === undefined) return "the base has no system of it";
  return path === before ? undefined : "it has a different system";
}

/** Compares the systems of the inventory's hosts with those of an earlier revision. */
export function compareSystems(
  hosts: readonly { readonly name: string; readonly system: string }[],
  head: Systems,
  base: Systems,
): Compared {
  const compared: Compared = { changed: [], unchanged: [] };
  for (const { name, system } of hosts) {
    const reason = reasonOf(head.get(name), base.get(name));
    if (reason === undefined) compared.unchanged.push(name);
    else compared.changed.push({ host: name, system, reason });
  }
  return compared;
}
