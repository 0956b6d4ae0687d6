import type { HostOutputs, Revision, StackOutputs } from "../../../outputs/contract.ts";
import {
  durationText,
  type PromotionArgs,
  promotionState,
  promotionText,
} from "../../../outputs/promotion.ts";

const at = (minute: number) => new Date(Date.UTC(2030, 0, 1, 12, minute));
const [TREE, OTHER] = ["a".repeat(40), "b".repeat(40)];
const FROM = "organization/pantheros/staging";
const SYSTEM = "/nix/store/00000000000000000000000000000000-system";

const confirmed: HostOutputs = { addresses: {}, health: [], outcome: "confirmed" };
const revision: Revision = {
  commit: "c1",
  tree: TREE,
  dirty: false,
  converged: true,
  since: at(0).toISOString(),
};
const source = (more: Partial<Revision> = {}, hosts: Record<string, HostOutputs> = {}): StackOutputs => ({
  ...{ schemaVersion: 1, services: {}, dns: { records: [] }, buckets: {}, cache: {} },
  hosts: { db: confirmed, web: confirmed, ...hosts },
  revision: { ...revision, ...more },
});
const args = (more: Partial<PromotionArgs> = {}): PromotionArgs => ({
  ...{ from: FROM, soakMinutes: 30, commit: "c1", tree: TREE, changes: [], required: ["db", "web"] },
  ...{ source: source(), now: at(31) },
  ...more,
});
const state = (more: Partial<PromotionArgs>) => promotionState(args(more));

test("a tree that every always reachable host has confirmed for the whole time is ready", () => {
  expect(state({})).toEqual({ state: "ready", reasons: [] });
  expect(state({ now: at(30) })).toEqual({ state: "ready", reasons: [] });
  expect(state({ soakMinutes: 0, now: at(0) }).state).toBe("ready");
});

test("before that the hosts and the time left are named", () => {
  expect(state({ now: at(12) })).toEqual({
    state: "unconfirmed",
    reasons: ["db has confirmed it, and 18 min are left", "web has confirmed it, and 18 min are left"],
    secondsLeft: 18 * 60,
  });
});

test("a host that was deployed to later delays it, by its own clock", () => {
  const provenance = { at: at(20).toISOString(), closure: SYSTEM };
  const later = source({}, { web: { ...confirmed, provenance } });
  expect(state({ source: later })).toMatchObject({
    reasons: ["web has confirmed it, and 19 min are left"],
    secondsLeft: 19 * 60,
  });
  const earlier = source(
    {},
    { web: { ...confirmed, provenance: { ...provenance, at: at(-90).toISOString() } } },
  );
  expect(state({ source: earlier }).state).toBe("ready");
});

test("a time in the future is not yet over", () => {
  expect(state({ now: at(-60) }).secondsLeft).toBe(90 * 60);
});

test.each<[string, HostOutputs | undefined, string]>([
  [
    "rolled back",
    { ...confirmed, outcome: "rolled-back", step: "health", reason: "status 500" },
    "db rolled-back at health: status 500",
  ],
  ["offline", { ...confirmed, outcome: "offline" }, "db offline"],
  ["pinned", { ...confirmed, pinned: SYSTEM }, "db is pinned at an earlier system"],
  ["never deployed", { addresses: {}, health: [] }, "db was not deployed"],
  [
    "with hostile text",
    { ...confirmed, outcome: "failed", reason: "a\n::error::b\u001b[2J" },
    "db failed: a | ::error::b",
  ],
])("a host that is %s is named", (_, db, reason) => {
  expect(state({ source: source({ converged: false }, db && { db }) })).toEqual({
    state: "unconfirmed",
    reasons: [reason],
  });
});

test("a host of the inventory that the outputs lack is named; a best-effort host is not required", () => {
  expect(state({ required: ["db", "new"] }).reasons).toEqual([
    "new is not in the outputs: it was never deployed",
  ]);
  const { hosts, ...rest } = source();
  const laptop = { ...confirmed, outcome: "offline" } as const;
  expect(state({ source: { ...rest, hosts: { ...hosts, laptop } } }).state).toBe("ready");
});

test("a stack without a required host confirms nothing", () => {
  expect(state({ required: [] })).toMatchObject({ state: "unconfirmed" });
});

test("a run for some hosts does not confirm the tree", () => {
  const { since: _, ...partly } = revision;
  expect(state({ source: { ...source(), revision: { ...partly, converged: false } } })).toMatchObject({
    state: "unconfirmed",
    reasons: [expect.stringContaining("run `up` there for all hosts")],
  });
});

test.each<[string, Partial<PromotionArgs>, string]>([
  ["an unknown tree", { tree: null, commit: null }, "not in a Git repository"],
  ["other changes", { changes: ["nix/a", "nix/b"] }, "not committed: nix/a, nix/b"],
  ["another tree", { tree: OTHER }, "never confirmed this tree; it has tree aaaaaaaaaaaa, commit c1"],
  ["the same tree with changes", { source: source({ dirty: true }) }, "has the tree with changes"],
  ["a stack without a revision", { source: { ...source(), revision: undefined } }, "no revision"],
  ["a stack without a repository", { source: { ...source(), revision: { converged: true } } }, "no revision"],
])("%s: refused, and no approval counts", (_, more, reason) => {
  expect(state(more)).toEqual({ state: "refused", reasons: [expect.stringContaining(reason)] });
});

test("outputs that cannot be read", () => {
  expect(state({ source: { unreadable: "no such stack" } })).toEqual({
    state: "unread",
    reasons: [`${FROM} cannot be read: no such stack`],
  });
  // What is known to be wrong stays refused.
  expect(state({ source: { unreadable: "no such stack" }, changes: ["nix/a"] }).state).toBe("refused");
});

test("a tree that was replaced counts with the time that it had", () => {
  const earlier = [{ tree: OTHER, since: at(-100).toISOString(), until: at(-70).toISOString() }];
  expect(state({ tree: OTHER, source: source({ earlier }) }).state).toBe("ready");
  expect(state({ tree: OTHER, source: source({ earlier }), soakMinutes: 31 })).toEqual({
    state: "unconfirmed",
    reasons: [`${FROM} had the tree for 30 min only, and has a different one now: deploy it there again`],
  });
});

test("the text names key, tree, stack and time", () => {
  const given = args({ now: at(12), soakMinutes: 1440 });
  expect(promotionText(promotionState(given), given, "nix/fleet.toml: promotion.production")).toBe(
    [
      `nix/fleet.toml: promotion.production: tree aaaaaaaaaaaa (commit c1) is not deployed before ${FROM} has confirmed it for 1 d:`,
      "  db has confirmed it, and 23 h 48 min are left",
      "  web has confirmed it, and 23 h 48 min are left",
    ].join("\n"),
  );
});

test.each([
  [0, "0 min"],
  [1, "1 min"],
  [3600, "1 h"],
  [90 * 60, "1 h 30 min"],
  [25 * 3600 + 60, "1 d 1 h"],
])("%d seconds: %s", (seconds, text) => expect(durationText(seconds)).toBe(text));
