import type { Revision } from "../../../outputs/contract.ts";
import { nextRevision, type RevisionArgs } from "../../../outputs/revision.ts";

const at = (minute: number) => new Date(Date.UTC(2030, 0, 1, 12, minute));
const [TREE, OTHER] = ["a".repeat(40), "b".repeat(40)];

const after = (previous: Revision | undefined, minute: number, more: Partial<RevisionArgs> = {}): Revision =>
  nextRevision({
    ...{ previous, commit: "c1", tree: TREE, dirty: false, converged: true, approval: undefined },
    ...{ started: at(minute), now: at(minute + 1) },
    ...more,
  });

test("since is the end of the first run that converged, and later runs of the same tree keep it", () => {
  const first = after(undefined, 0);
  expect(first).toEqual({
    commit: "c1",
    tree: TREE,
    dirty: false,
    converged: true,
    since: at(1).toISOString(),
  });
  const later = after(after(first, 10), 20, { commit: "c2" });
  expect(later).toEqual({ ...first, commit: "c2" });
});

test("a run that does not converge ends it, and the next one that does begins anew", () => {
  const failed = after(after(undefined, 0), 10, { converged: false });
  expect(failed).not.toHaveProperty("since");
  expect(after(failed, 20).since).toBe(at(21).toISOString());
});

test("a tree with other changes, or an unknown one, is never confirmed", () => {
  for (const more of [{ dirty: true }, { dirty: null }, { tree: null, commit: null, dirty: null }]) {
    const found = after(after(undefined, 0), 10, more);
    expect(found).toMatchObject({ converged: true });
    expect(found).not.toHaveProperty("since");
    // The clean tree begins anew.
    expect(after(found, 20).since).toBe(at(21).toISOString());
  }
});

test("a time that is later than now counts as now", () => {
  const ahead = after(undefined, 50);
  expect(after(ahead, 10).since).toBe(at(11).toISOString());
});

test("a replaced tree keeps its times; the newest is first, and each is there once", () => {
  const first = after(undefined, 0);
  const second = after(first, 10, { tree: OTHER, commit: "c2" });
  const times = { tree: TREE, commit: "c1", since: at(1).toISOString(), until: at(10).toISOString() };
  expect(second.earlier).toEqual([times]);
  // A failed run and a dirty one in between keep the list and add nothing.
  const failed = after(after(second, 20, { tree: OTHER, converged: false }), 30, {
    tree: OTHER,
    dirty: true,
  });
  expect(failed.earlier).toEqual([times]);
  const third = after(after(failed, 40), 50, { tree: OTHER });
  expect(third.earlier).toEqual([{ ...times, since: at(41).toISOString(), until: at(50).toISOString() }]);
});

test("the list is bounded", () => {
  let revision: Revision | undefined;
  for (let n = 0; n < 30; n += 1) revision = after(revision, n, { tree: String(n).padStart(40, "0") });
  expect(revision?.earlier?.map(({ tree }) => Number(tree))).toEqual([
    28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
  ]);
});

test("an approval stays with its tree", () => {
  const approval = { by: "ann", reason: "an outage", expires: at(30).toISOString() };
  const approved = after(undefined, 0, { approval });
  expect(after(approved, 10).approval).toEqual(approval);
  expect(after(approved, 10, { tree: OTHER })).not.toHaveProperty("approval");
  expect(after(approved, 10, { dirty: true })).not.toHaveProperty("approval");
});
