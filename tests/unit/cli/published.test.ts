/** A stack of which only the outputs and the inventory are at hand. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openPublished } from "../../../cli/stack/published.ts";
import { oldSystem } from "../deployer/fixtures.ts";

let directory = "";
const fleet = process.env["PANTHEROS_FLEET"];
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-published-"));
  process.env["PANTHEROS_FLEET"] = "sandbox/nix/fleet.toml";
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
  if (fleet === undefined) delete process.env["PANTHEROS_FLEET"];
  else process.env["PANTHEROS_FLEET"] = fleet;
});

const stack = { full: "organization/pantheros/prod", short: "prod", file: "/nowhere", isOwnFile: false };
const file = () => path.join(directory, "outputs.json");
const outputs = {
  schemaVersion: 1,
  environment: "sandbox",
  hosts: { web: { addresses: {}, health: [], pinned: oldSystem }, db: { addresses: {}, health: [] } },
  services: {},
  dns: { records: [] },
  buckets: {},
  cache: {},
};

test("environment and pins are those of the outputs, and no file of the stack is read", () => {
  writeFileSync(file(), JSON.stringify(outputs));
  const { plan, settings } = openPublished(stack, file());
  expect(plan.hosts.map(({ name }) => name)).toEqual(["db", "legacy", "web"]);
  expect(settings.pins).toEqual({ web: oldSystem });
});

test.each<[string, string | undefined, string]>([
  ["missing", undefined, "does not exist yet; the runner writes it after each run"],
  ["half of it", JSON.stringify(outputs).slice(0, 40), "the runner writes it after each run"],
  ["something else", "{}", "it is not a PantherOS stack"],
])("%s: an error that says where it comes from", (_, text, message) => {
  if (text !== undefined) writeFileSync(file(), text);
  expect(() => openPublished(stack, file())).toThrow(message);
});
