/** `revision` of the outputs: what a run deployed, and since when all of it is confirmed. */
import type { Revision } from "./contract.ts";

/** Trees of which the outputs keep the times. */
const MAX_EARLIER = 10;

export interface RevisionArgs {
  /** Of the outputs of the last run. */
  readonly previous: Revision | undefined;
  readonly commit: string | null;
  readonly tree: string | null;
  /** The flake's directory has changes that the tree does not contain; null: it is not known. */
  readonly dirty: boolean | null;
  /** Every always reachable host was confirmed in this run. */
  readonly converged: boolean;
  readonly approval: Revision["approval"];
  /** Start of the run, by the runner's clock. */
  readonly started: Date;
  readonly now: Date;
}

/** Whether both are the same tree without other changes. */
export const isSameTree = (
  previous: Pick<Revision, "tree" | "dirty"> | undefined,
  { tree, dirty }: { readonly tree: string | null; readonly dirty: boolean | null },
): boolean => tree !== null && dirty === false && previous?.tree === tree && previous.dirty === false;

/** Trees that were converged before, with the one that this run replaces. */
function earlierTrees(
  { previous, started }: RevisionArgs,
  isSame: boolean,
): NonNullable<Revision["earlier"]> {
  const { tree, commit, converged, dirty, since, earlier = [] } = previous ?? { converged: false };
  if (isSame || !converged || dirty !== false || tree === undefined || since === undefined)
    return earlier.slice();
  const replaced = { tree, ...(commit !== undefined && { commit }), since, until: started.toISOString() };
  return [replaced, ...earlier.filter((each) => each.tree !== tree)].slice(0, MAX_EARLIER);
}

/**
 * The revision after a run. `since` stays the same in later runs of the same tree, as long as each of
 * them converges; a tree with other changes has none.
 */
export function nextRevision(args: RevisionArgs): Revision {
  const { previous, commit, tree, dirty, converged, approval, now } = args;
  const isSame = isSameTree(previous, { tree, dirty });
  const before = isSame && previous?.converged === true ? previous.since : undefined;
  // The clock of an earlier runner may have been ahead.
  const since = before !== undefined && Date.parse(before) <= now.getTime() ? before : now.toISOString();
  const earlier = earlierTrees(args, isSame);
  const approved = approval ?? (isSame ? previous?.approval : undefined);
  return {
    ...(commit !== null && { commit }),
    ...(tree !== null && { tree }),
    ...(dirty !== null && { dirty }),
    converged,
    ...(converged && tree !== null && dirty === false && { since }),
    ...(earlier.length > 0 && { earlier }),
    ...(approved !== undefined && { approval: approved }),
  };
}
