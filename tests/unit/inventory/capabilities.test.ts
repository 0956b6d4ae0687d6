import { readFileSync } from "node:fs";
import {
  CAPABILITY_DOCS,
  CAPABILITY_NAMES,
  grants,
  isKnownCapability,
  OPERATOR_RULES,
  operatorRules,
  verbsOf,
  withCapabilityTable,
} from "../../../inventory/capabilities.ts";
import { loadInventory, parseInventory } from "../../../inventory/load.ts";

const fleet = (roles: string) => `
schema = 1
[fleet]
domain = "example.test"
[environments.home]
[hosts.web]
environment = "home"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "192.0.2.7" }
${roles}`;
const problemOf = (roles: string): string => {
  try {
    parseInventory(fleet(roles), "fleet.toml");
    return "";
  } catch (error) {
    return String(error);
  }
};
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuest guest";

test("an entry includes its own name, everything, or an area and nothing beside it", () => {
  expect(grants(["rollback.host"], "rollback.host")).toBe(true);
  expect(grants(["rollback.host"], "rollback.wave")).toBe(false);
  expect(grants(["rollback.*"], "rollback.release")).toBe(true);
  expect(grants(["roll.*", "rollback", "rollback.hos"], "rollback.host")).toBe(false);
  expect(grants([], "status.read")).toBe(false);
  for (const name of CAPABILITY_NAMES) expect(grants(["*"], name)).toBe(true);
});

test("reading a status brings no other verb, and a rollback brings its confirmation", () => {
  expect(verbsOf(["status.*"])).toEqual(["status"]);
  expect(verbsOf(["rollback.host"])).toEqual(["status", "rollback", "confirm"]);
  expect(verbsOf(["audit.read", "run.up", "token.manage"])).toEqual([]);
});

test("the rules for Nix are those of the table", () => {
  expect(readFileSync(OPERATOR_RULES, "utf8")).toBe(operatorRules());
});

test("the docs have the table, with the roles of the fleet", () => {
  const page = readFileSync(CAPABILITY_DOCS, "utf8");
  expect(withCapabilityTable(page, loadInventory("nix/fleet.toml").roles)).toBe(page);
  for (const name of CAPABILITY_NAMES) expect(page).toContain(`| \`${name}\` `);
});

test.each([
  ['capabilities = ["rollback.hosts"]', /roles\.ops\.capabilities: unknown capability.*rollback\.host/],
  ['capabilities = ["deploys.*"]', /roles\.ops\.capabilities: unknown capability/],
  [
    'capabilities = ["status.*"]\nrestart_units = ["caddy.service"]',
    /roles\.ops\.restart_units: .*service\.restart/,
  ],
  [`capabilities = ["audit.read"]\noperator_keys = ["${KEY}"]`, /roles\.ops\.operator_keys: has no effect/],
  ['capabilities = ["*"]\nrestart_units = ["caddy"]', /roles\.ops\.restart_units.*caddy\.service/],
  ['capabilities = ["*"]\nrestart_units = ["a\\tb.service"]', /roles\.ops\.restart_units/],
  [
    `capabilities = ["*"]\noperator_keys = ["${KEY}"]\n[roles.other]\ncapabilities = ["status.read"]\noperator_keys = ["${KEY} again"]`,
    /roles\.other\.operator_keys: the key is in roles\.ops\.operator_keys too/,
  ],
])("a role with %j is refused with the key and the remedy", (keys, message) => {
  expect(problemOf(`[roles.ops]\n${keys}`)).toMatch(message);
});

test("areas and everything are known capabilities", () => {
  for (const entry of ["*", "status.*", "promotion.*", "log.read"])
    expect(isKnownCapability(entry)).toBe(true);
  expect(problemOf(`[roles.ops]\ncapabilities = ["status.*"]\noperator_keys = ["${KEY}"]`)).toBe("");
});
