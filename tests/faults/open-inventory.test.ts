import { readFileSync } from "node:fs";
import type { State as CloudflareState } from "../../sandbox/vendors/cloudflare/state.ts";
import { edit, WITH_DB } from "./fleet.ts";
import { World } from "./world.ts";

// Names of the user's own go from the inventory to the vendors without a change of code: an environment, a
// bucket's purpose, and records of types with fields.

jest.setTimeout(20 * 60_000);

const RECORDS = [
  ["_sip._tcp", "SRV", "10 5 5060 sip.example.test"],
  ["@", "HTTPS", "1 . alpn=h3,h2"],
  ["_dns", "SVCB", "1 resolver.example.test alpn=dot"],
  ["_443._tcp.www", "TLSA", `3 1 1 ${"AB".repeat(32)}`],
  ["@", "CAA", '0 issuewild ";"'],
  ["pointer", "PTR", "web.example.test"],
  ["_ftp._tcp", "URI", '10 1 "ftp://files.example.test/public"'],
] as const;

const OWN = `${RECORDS.map(
  ([name, type, content]) => `[[dns.records]]\nname = "${name}"\ntype = "${type}"\ncontent = '${content}'\n`,
).join("\n")}
[buckets.maps]
environment = "ENVIRONMENT"
purpose = "maps"
public_read = true
name = "faults-maps"

[policy]
public_purposes = ["cache", "maps"]

[storage]
`;

let world: World;

beforeAll(async () => {
  world = await World.make("edge");
  await world.startVendors();
  await world.write(edit(WITH_DB, "[storage]\n", OWN));
});

afterAll(() => world?.remove());

/** The zone's records at the emulated vendor. */
function vendorRecords() {
  const { zones } = JSON.parse(
    readFileSync(world.file("vendors/cloudflare.json"), "utf8"),
  ) as CloudflareState;
  return Object.values(zones).flatMap(({ records }) => Object.values(records));
}

test("an environment, a bucket and records of the user's own names are made and stay unchanged", async () => {
  const made = await world.up();
  expect([made.code, made.code === 0 ? "" : made.output]).toEqual([0, ""]);
  const records = vendorRecords();
  expect(records).toContainEqual(
    expect.objectContaining({
      type: "SRV",
      priority: 10,
      data: { priority: 10, weight: 5, port: 5060, target: "sip.example.test" },
    }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({ type: "HTTPS", data: { priority: 1, target: ".", value: 'alpn="h3,h2"' } }),
  );
  for (const [, type] of RECORDS) expect(records.map((each) => each.type)).toContain(type);
  const again = await world.pulumi(["preview", "--refresh", "--expect-no-changes"]);
  expect([again.code, again.code === 0 ? "" : again.output]).toEqual([0, ""]);
});

test("identical records that exist already are imported", async () => {
  await world.pulumi(["state", "delete", "--yes", "--target-dependents", urnOf("zone-_sip._tcp")]);
  const taken = await world.up();
  expect([taken.code, taken.code === 0 ? "" : taken.output]).toEqual([0, ""]);
  expect(vendorRecords().filter(({ type }) => type === "SRV")).toHaveLength(1);
});

function urnOf(start: string): string {
  const found = (world.deployment.resources ?? []).find(({ urn }) => urn.includes(`::${start}`));
  if (found === undefined) throw new Error(`the state has no ${start}`);
  return found.urn;
}
