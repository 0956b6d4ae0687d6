/** What changes in the outputs that other teams read. */
import type { ChangedField } from "./document.ts";
import { hasSecret, hasUnknown, SECRET, shown } from "./values.ts";

type Tree = Readonly<Record<string, unknown>>;

/** Facts of a run, which every deploy changes: readers expect that. */
const OF_A_RUN =
  /^(revision|cost)(\.|$)|^hosts\.[^.]+\.(closure|generation|health|outcome|reason|provenance|wanted|booted|step|hint|seconds)(\.|$)/;

/** Path -> value of each leaf. A list is a leaf. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, path === "" ? key : `${path}.${key}`));
}

/** Differences of the contract, without facts of a run. Values that are not known yet are left out. */
export function contractChanges(before: Tree, after: Tree): ChangedField[] {
  const [old, wanted] = [new Map(leaves(before)), new Map(leaves(after))];
  const paths = [...new Set([...old.keys(), ...wanted.keys()])].filter((path) => !OF_A_RUN.test(path)).sort();
  return paths.flatMap((path): ChangedField[] => {
    const [from, to] = [old.get(path), wanted.get(path)];
    if (hasUnknown(to) || JSON.stringify(from) === JSON.stringify(to)) return [];
    const text = (value: unknown) => (hasSecret(from) || hasSecret(to) ? SECRET : shown(value));
    const kind = from === undefined ? "add" : to === undefined ? "delete" : "update";
    return [
      {
        path,
        kind,
        ...(from !== undefined && { before: text(from) }),
        ...(to !== undefined && { after: text(to) }),
      },
    ];
  });
}
