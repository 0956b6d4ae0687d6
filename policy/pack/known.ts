/**
 * A plain copy of what @pulumi/policy gives. Its objects throw when a value is read that is not
 * known yet, as in a preview; here such a value is undefined, so that a rule sees the others.
 */
export function known(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.keys(value).map((key) => [key, knownAt(value, key)] as const);
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

function knownAt(value: object, key: string): unknown {
  let found: unknown;
  try {
    found = (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
  return known(found);
}
