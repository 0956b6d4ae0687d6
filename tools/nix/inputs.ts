/** Inputs of a lock file of Nix, and how two lock files differ. Source: the Nix manual, "Lock files". */
import * as z from "zod";

const lock = z.object({
  root: z.string(),
  nodes: z.record(
    z.string(),
    z.object({
      inputs: z.record(z.string(), z.unknown()).optional(),
      locked: z
        .object({
          rev: z.string().optional(),
          narHash: z.string().optional(),
          lastModified: z.number().optional(),
        })
        .optional(),
    }),
  ),
});

interface Input {
  readonly rev: string;
  /** The day of its commit, or "?". */
  readonly day: string;
}

/** The flake's own inputs by name; those of its inputs are not listed. */
function inputsOf(text: string): ReadonlyMap<string, Input> {
  const { nodes, root } = lock.parse(JSON.parse(text));
  return new Map(
    Object.entries(nodes[root]?.inputs ?? {}).map(([name, node]) => {
      const locked = typeof node === "string" ? nodes[node]?.locked : undefined;
      const day =
        locked?.lastModified === undefined
          ? "?"
          : new Date(locked.lastModified * 1000).toISOString().slice(0, 10);
      return [name, { rev: locked?.rev ?? locked?.narHash ?? "?", day }];
    }),
  );
}

export interface InputChange {
  readonly name: string;
  /** undefined: the input is new. */
  readonly from?: Input;
  /** undefined: the input is gone. */
  readonly to?: Input;
}

/** What differs between two lock files, in the order of the inputs' names. */
export function inputChanges(before: string, after: string): readonly InputChange[] {
  const [old, current] = [inputsOf(before), inputsOf(after)];
  return [...new Set([...old.keys(), ...current.keys()])]
    .toSorted()
    .map((name): InputChange => {
      const [from, to] = [old.get(name), current.get(name)];
      return { name, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    })
    .filter(({ from, to }) => from?.rev !== to?.rev);
}

const shown = (input: Input | undefined) => (input ? `${input.rev.slice(0, 12)} (${input.day})` : "none");

/** One line per change, for people and for the message of a commit. */
export const changeLines = (changes: readonly InputChange[]): readonly string[] =>
  changes.map(({ name, from, to }) => `${name}: ${shown(from)} -> ${shown(to)}`);
