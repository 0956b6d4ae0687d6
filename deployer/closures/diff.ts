/** Compares two closures, from the output of `nix path-info --json --recursive`. */
import * as z from "zod";
import { nameInStorePath } from "../../lib/store-path.ts";

const pathInfo = z.object({ narSize: z.number(), references: z.array(z.string()) });
/** Store path -> size and references; null: the store does not have the path. */
const recordFormat = z.record(z.string(), pathInfo.nullable());
/** The format before Nix 2.19. */
const listFormat = z.array(
  z.object({ path: z.string(), valid: z.boolean().optional() }).and(pathInfo.partial()),
);

export type PathInfos = ReadonlyMap<string, z.infer<typeof pathInfo>>;

/** The paths that the store has; empty if the text has neither format. */
export function readPathInfos(json: string): PathInfos {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return new Map();
  }
  const record = recordFormat.safeParse(value);
  if (record.success) {
    return new Map(
      Object.entries(record.data).flatMap(([path, info]) => (info === null ? [] : [[path, info]])),
    );
  }
  const list = listFormat.safeParse(value);
  if (!list.success) return new Map();
  return new Map(
    list.data.flatMap(({ path, narSize, references }) =>
      narSize === undefined ? [] : [[path, { narSize, references: references ?? [] }]],
    ),
  );
}

/** The closure of `root`; undefined when a part of it is unknown. */
export function closureOf(infos: PathInfos, root: string): Set<string> | undefined {
  const seen = new Set([root]);
  for (const path of seen) {
    const info = infos.get(path);
    if (info === undefined) return undefined;
    for (const reference of info.references) seen.add(reference);
  }
  return seen;
}

/** Packages are `NAME VERSION`, changed ones `NAME OLD -> NEW`; sizes are bytes of NARs. */
export const closureDiff = z.object({
  before: z.number(),
  after: z.number(),
  /** Size of the paths that the closure before does not have. */
  fresh: z.number(),
  freshPaths: z.number(),
  changed: z.array(z.string()),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  /** Names of packages that were rebuilt in the same version. */
  rebuilt: z.array(z.string()),
});
export type ClosureDiff = z.infer<typeof closureDiff>;

/** A host's running and wanted systems; without `diff` when one of the closures is unknown. */
export const closureComparison = z.object({ built: z.boolean(), diff: closureDiff.optional() });
export type ClosureComparison = z.infer<typeof closureComparison>;

/** `linux-6.12.1` -> linux and 6.12.1. As in Nix, the version starts after the first dash that no letter follows. */
export function packageOf(path: string): { readonly name: string; readonly version: string } {
  const base = nameInStorePath(path);
  const found = /^(.*?)-([^A-Za-z].*)$/.exec(base);
  return { name: found?.[1] ?? base, version: found?.[2] ?? "" };
}

/** Name -> versions, sorted. */
function packagesOf(paths: Iterable<string>): Map<string, string[]> {
  const packages = new Map<string, Set<string>>();
  for (const path of paths) {
    const { name, version } = packageOf(path);
    packages.set(name, (packages.get(name) ?? new Set()).add(version));
  }
  return new Map([...packages].map(([name, versions]) => [name, [...versions].sort()]));
}

const total = (infos: PathInfos, paths: Iterable<string>): number =>
  [...paths].reduce((sum, path) => sum + (infos.get(path)?.narSize ?? 0), 0);

const named = (name: string, versions: readonly string[]): string =>
  [name, versions.join(", ")].filter((word) => word !== "").join(" ");

/** Undefined when a part of either closure is unknown. */
export function compareClosures(infos: PathInfos, from: string, to: string): ClosureDiff | undefined {
  const [before, after] = [closureOf(infos, from), closureOf(infos, to)];
  if (before === undefined || after === undefined) return undefined;
  const [old, now] = [packagesOf(before), packagesOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const fresh = [...after].filter((path) => !before.has(path));
  const same = (name: string) => old.get(name)?.join() === now.get(name)?.join();
  const freshNames = new Set(fresh.map((path) => packageOf(path).name));
  return {
    before: total(infos, before),
    after: total(infos, after),
    fresh: total(infos, fresh),
    freshPaths: fresh.length,
    changed: names
      .filter((name) => old.has(name) && now.has(name) && !same(name))
      .map((name) => `${named(name, old.get(name) ?? [])} -> ${(now.get(name) ?? []).join(", ") || "none"}`),
    added: names.filter((name) => !old.has(name)).map((name) => named(name, now.get(name) ?? [])),
    removed: names.filter((name) => !now.has(name)).map((name) => named(name, old.get(name) ?? [])),
    rebuilt: names.filter((name) => freshNames.has(name) && old.has(name) && same(name)),
  };
}
