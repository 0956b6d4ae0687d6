/** A message about one key, in TOML's spelling. */
export interface Problem {
  readonly key: string;
  readonly message: string;
}

/** Pairs of entries with the same claim: each later entry with the first one. */
export function collisions<T>(
  entries: readonly T[],
  claim: (entry: T) => string | undefined,
): [T, T, string][] {
  const first = new Map<string, T>();
  const found: [T, T, string][] = [];
  for (const entry of entries) {
    const claimed = claim(entry);
    if (claimed === undefined) continue;
    const owner = first.get(claimed);
    if (owner === undefined) first.set(claimed, entry);
    else found.push([owner, entry, claimed]);
  }
  return found;
}
