import { readFileSync } from "node:fs";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { outputsFor, type StackFacts } from "../../../outputs/build.ts";
import { stackOutputs } from "../../../outputs/contract.ts";
import { contractSchema, SCHEMA_FILE } from "../../../outputs/json-schema.ts";
import { parseOutputs } from "../../../outputs/parse.ts";
import { readStack } from "../../../outputs/reader.ts";
import { hostKey, record, resolved } from "../mocks.ts";

const plan = planFor(loadInventory("sandbox/nix/fleet.toml"), "sandbox");
const running = "/nix/store/00000000000000000000000000000000-system";
const facts: StackFacts = {
  hosts: {
    web: {
      ipv4: "203.0.113.10",
      ipv6: "2001:db8:1:1::1",
      hostKey,
      wanted: running,
      result: {
        outcome: "confirmed",
        reason: "left over",
        step: "left over",
        hint: "left over",
        seconds: { copy: 1.5, activate: 4 },
        running,
        booted: running,
        generation: 3,
        health: [{ name: "hello", ok: true, detail: "200" }],
      },
    },
    legacy: {
      ipv4: "198.51.100.20",
      hostKey,
      result: {
        outcome: "rolled-back",
        reason: "hello: status 500",
        step: "health",
        hint: "read the unit's log",
        seconds: {},
        running,
        generation: 2,
      },
    },
  },
  records: [{ name: "web.example.test", type: "A", content: "203.0.113.10", proxied: false }],
  buckets: {
    cache: { name: "sandbox-nix-cache", endpoint: "https://s3.example.test", region: "eu-central-003" },
  },
};

test("the published outputs (a change here changes the contract: read docs/outputs.md)", () => {
  expect(outputsFor(plan, facts)).toMatchSnapshot();
});

test("the outputs match the contract, and have no undefined values", () => {
  const outputs = outputsFor(plan, facts);
  expect(stackOutputs.parse(outputs)).toEqual(outputs);
  expect(JSON.parse(JSON.stringify(outputs))).toStrictEqual(outputs);
});

test("only an unconfirmed host has a reason, and an unreachable host is still listed", () => {
  const { hosts } = outputsFor(plan, facts);
  for (const field of ["reason", "step", "hint"]) expect(hosts["web"]).not.toHaveProperty(field);
  expect(hosts["legacy"]).toMatchObject({
    reason: "hello: status 500",
    step: "health",
    hint: "read the unit's log",
  });
  expect(hosts["legacy"]).not.toHaveProperty("seconds");
  expect(hosts["db"]).toEqual({
    addresses: { tailnet: "db.tail0000.ts.net" },
    health: [],
    wave: 1,
    reachability: "always",
  });
});

test("a host that has another name in the tailnet is listed with that name, and so are its services", () => {
  const { hosts, services } = outputsFor(plan, { ...facts, tailnetNames: { db: "db-1.tail0000.ts.net" } });
  expect(hosts["db"]?.addresses.tailnet).toBe("db-1.tail0000.ts.net");
  expect(services["database"]?.url).toBe("tcp://db-1.tail0000.ts.net:5432");
  expect(hosts["web"]?.addresses.tailnet).toBe("web.tail0000.ts.net");
});

test("a fleet without tailnet names services by their host", () => {
  const bare = { ...plan, inventory: { ...plan.inventory, tailnet: undefined } };
  expect(outputsFor(bare, facts).services["database"]?.url).toBe("tcp://db.example.test:5432");
});

test("the program exports every output of the contract", () => {
  const program = readFileSync("index.ts", "utf8");
  const exported = /export default \{\n *\.\.\.\{([^}]*)\}/.exec(program)?.[1] ?? "";
  // `cost` is left out while it is unknown.
  const names = [
    ...exported.split(",").map((name) => name.trim()),
    ...(program.match(/\{ (cost) \}/)?.slice(1) ?? []),
  ];
  expect(names.sort()).toEqual(Object.keys(stackOutputs.shape).sort());
});

test("the JSON Schema in the repository is the contract's (node outputs/write-schema.ts)", () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, "utf8"))).toEqual(JSON.parse(contractSchema()));
});

describe("reader", () => {
  const good = outputsFor(plan, facts);

  test("returns typed, checked outputs of another stack", async () => {
    const { result } = await record(() => readStack("organization/pantheros/sandbox"), {
      computed: { "pulumi:pulumi:StackReference": () => ({ outputs: { ...good, later: "field" } }) },
    });
    expect(await resolved(result)).toEqual(good);
  });

  test("previews while the stack is unknown", async () => {
    const { result } = await record(() => readStack("organization/pantheros/sandbox"), { preview: true });
    expect(await resolved(result)).toBeUndefined();
  });

  test.each<[string, unknown, RegExp]>([
    [
      "nothing",
      {},
      /^stack s has no output schemaVersion: it is not a PantherOS stack, or was never deployed$/,
    ],
    ["null", null, /^stack s has no output schemaVersion/],
    [
      "another version",
      { ...good, schemaVersion: 2 },
      /^stack s has schemaVersion 2; this reader supports 1: update the reader$/,
    ],
    [
      "a wrong field",
      { ...good, buckets: { cache: { name: 1, endpoint: "", region: "" } } },
      /^stack s: buckets\.cache\.name: .*string/,
    ],
    ["a missing part", { ...good, dns: undefined }, /^stack s: dns: /],
  ])("refuses %s, naming stack and key", (_, outputs, message) => {
    expect(() => parseOutputs("s", outputs)).toThrow(message);
  });
});
