/** Promotion rules of an inventory, and which approvals count. */
import { type Approval, approvalProblems, approvalText, parseApproval } from "../../../inventory/approval.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { approvers, mayApprove } from "../../../inventory/promotion-checks.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICWmaRD5g1OljhtGiF7vrRJUIHbKmwCivaLYWgWmmPw9";

const inventoryOf = (promotion: string) =>
  parseInventory(
    `schema = 1
[fleet]
domain = "example.test"
[environments.staging]
[environments.production]
[roles.admin]
capabilities = ["*"]
[roles.lead]
capabilities = ["status.*", "promotion.approve"]
[roles.area]
capabilities = ["promotion.*"]
[roles.guest]
capabilities = ["status.*", "run.up"]
[users.ann]
role = "admin"
authorized_keys = ["${KEY}"]
[users.bob]
role = "lead"
authorized_keys = ["${KEY}"]
[users.cleo]
role = "area"
[users.dan]
role = "guest"
authorized_keys = ["${KEY}"]
[hosts.web]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.20" }
${promotion}`,
    "fleet.toml",
  );

test("a rule with its defaults", () => {
  expect(inventoryOf('[promotion.production]\nfrom = "staging"').promotion).toEqual({
    production: { from: "staging", soakMinutes: 1440 },
  });
  expect(inventoryOf("").promotion).toEqual({});
});

test.each<[string, string, string]>([
  ["an unknown environment", '[promotion.prod]\nfrom = "staging"', "promotion.prod: unknown environment"],
  [
    "an unknown source",
    '[promotion.production]\nfrom = "stage"',
    'promotion.production.from: unknown environment "stage"',
  ],
  [
    "itself",
    '[promotion.staging]\nfrom = "staging"',
    "promotion.staging.from: staging waits for staging: nothing could be deployed",
  ],
  [
    "a circle",
    '[promotion.staging]\nfrom = "production"\n[promotion.production]\nfrom = "staging"',
    "promotion.production.from: production waits for staging waits for production",
  ],
  ["no source", "[promotion.production]", "promotion.production.from"],
  [
    "a negative time",
    '[promotion.production]\nfrom = "staging"\nsoak_minutes = -1',
    "promotion.production.soak_minutes",
  ],
  [
    "half a stack's name",
    '[promotion.production]\nfrom = "staging"\nstack = "a/b"',
    "ORGANIZATION/PROJECT/STACK",
  ],
])("%s is refused with its key", (_, text, message) => {
  expect(() => inventoryOf(text)).toThrow(message);
});

const inventory = inventoryOf('[promotion.production]\nfrom = "staging"');

test("who may approve: by the role's capabilities; who has no key cannot", () => {
  const names = ["ann", "bob", "cleo", "dan", "eve", "constructor"];
  expect(names.filter((name) => mayApprove(inventory, name))).toEqual(["ann", "bob", "cleo"]);
  expect(approvers(inventory)).toEqual(["ann", "bob"]);
});

const [TREE, OTHER] = ["a".repeat(40), "b".repeat(40)];
const now = new Date("2030-01-01T12:00:00Z");
const approval: Approval = {
  ...{ schemaVersion: 1, stack: "pantheros/production", tree: TREE, by: "bob", reason: "an outage" },
  ...{ origin: "checked", created: "2030-01-01T11:00:00.000Z", expires: "2030-01-01T13:00:00.000Z" },
};
const problems = (more: Partial<Approval>, run = {}) =>
  approvalProblems({ ...approval, ...more }, { inventory, stack: approval.stack, tree: TREE, now, ...run });

test("an approval for this tree and this stack counts until it expires", () => {
  expect(problems({})).toEqual([]);
  expect(problems({}, { now: new Date("2030-01-01T12:59:59Z") })).toEqual([]);
});

test.each<[string, Partial<Approval>, string]>([
  ["expired", { expires: "2030-01-01T12:00:00.000Z" }, "it expired at 2030-01-01T12:00:00.000Z"],
  ["of another tree", { tree: OTHER }, "it is for tree bbbbbbbbbbbb, and this is tree aaaaaaaaaaaa"],
  [
    "of another stack",
    { stack: "pantheros/homelab" },
    "it is for the stack pantheros/homelab, not for pantheros/production",
  ],
  [
    "of another project",
    { stack: "other/production" },
    "it is for the stack other/production, not for pantheros/production",
  ],
  [
    "of a role that may not",
    { by: "dan" },
    'the role of dan lacks the capability "promotion.approve"; those who may approve: ann, bob',
  ],
  ["of nobody", { by: "eve" }, 'the inventory has no user "eve"'],
  ["of a name that every object has", { by: "constructor" }, 'the inventory has no user "constructor"'],
  ["for too long", { expires: "2030-01-08T11:00:00.001Z" }, "it would count for more than 7 days"],
  ["of the future", { created: "2030-01-01T12:05:01.000Z" }, "later than now: compare the clocks"],
])("one %s does not", (_, more, problem) => {
  expect(problems(more)).toEqual([expect.stringContaining(problem)]);
});

const SIGNATURE = "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n";

test("the file's form is closed, so that nothing beside the signed text is believed", () => {
  const file = (value: object) => JSON.stringify(value);
  expect(parseApproval(file({ approval, signature: SIGNATURE })).approval).toEqual(approval);
  for (const bad of [
    { approval, signature: "none" },
    { approval: { ...approval, more: 1 }, signature: SIGNATURE },
    { approval: { ...approval, tree: "HEAD" }, signature: SIGNATURE },
    { approval: { ...approval, expires: "tomorrow" }, signature: SIGNATURE },
    { approval: { ...approval, reason: "" }, signature: SIGNATURE },
  ])
    expect(() => parseApproval(file(bad))).toThrow(/signature|approval/);
  expect(() => parseApproval("{")).toThrow("not JSON");
});

test("the signed text does not depend on the order of the file's keys, and has every field", () => {
  const turned = Object.fromEntries(Object.entries(approval).reverse()) as Approval;
  expect(approvalText(turned)).toBe(approvalText(approval));
  expect(JSON.parse(approvalText(approval))).toEqual(approval);
});
