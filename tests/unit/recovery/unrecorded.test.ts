import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { NOT_READ, type Properties } from "../../../tools/recovery/deployment.ts";
import {
  adoptCreations,
  creationsIn,
  importFileFor,
  importUnrecorded,
} from "../../../tools/recovery/unrecorded.ts";
import type { Vendors } from "../../../tools/recovery/vendors.ts";

const urn = (type: string, name: string) => `urn:pulumi:dev::p::${type}::${name}`;
const FIREWALL = "hcloud:index/firewall:Firewall";
const KEY = "tailscale:index/tailnetKey:TailnetKey";
const step = (op: string, type: string, name: string, inputs: Properties, more: object = {}) => ({
  op,
  urn: urn(type, name),
  newState: { type, custom: true, inputs, ...more },
});
const preview = {
  config: { "hcloud:endpoint": "http://vendor/v1", "pantheros:fleet": "f" },
  steps: [
    step("create", FIREWALL, "web-firewall", { name: "web", labels: { stack: "dev" } }),
    step("create", FIREWALL, "db-firewall", { name: "db", labels: { stack: "dev" } }),
    step("create-replacement", FIREWALL, "old-firewall", { name: "old" }),
    step("same", FIREWALL, "kept-firewall", { name: "kept" }),
    step("create", KEY, "key", { description: "join web" }),
    {
      op: "create",
      urn: urn("pantheros:hetzner:Server", "web"),
      newState: { type: "pantheros:hetzner:Server" },
    },
  ],
};
const skeleton = {
  nameTable: { parent: "urn" },
  resources: [
    { type: "pantheros:hetzner:Server", name: "web", component: true },
    { type: FIREWALL, name: "web-firewall", id: "<PLACEHOLDER>", parent: "parent" },
    { type: FIREWALL, name: "db-firewall", id: "<PLACEHOLDER>", parent: "parent" },
  ],
};

const STORE = urn("pulumi:providers:aws", "store");
const state = {
  version: 3,
  deployment: {
    resources: [{ urn: STORE, type: "pulumi:providers:aws", inputs: { endpoints: "[]" } }],
  },
};

const refuse = () => {
  throw new Error("unexpected request");
};
const requests: string[] = [];
const vendors: Vendors = {
  cloudflare: refuse,
  ownsBucket: refuse,
  onepassword: refuse,
  servers: async ({ provider, path }) => {
    requests.push(`${String(provider["endpoint"])}${path}`);
    return { firewalls: [{ id: 7, name: "web", labels: { stack: "dev", host: "web" } }] };
  },
  tailscale: async () => ({ keys: [] }),
};

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-unrecorded-"));
  requests.length = 0;
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

async function recover(fails: string | undefined, file: object = skeleton) {
  const ran: string[][] = [];
  const printed: string[] = [];
  let imported: unknown;
  const pulumi = async (args: readonly string[]) => {
    ran.push([...args]);
    const after = (flag: string) => args[args.indexOf(flag) + 1] ?? "";
    if (args[0] === fails) return undefined;
    if (args[0] === "stack") return JSON.stringify(state);
    if (args[0] === "preview") {
      writeFileSync(after("--import-file"), JSON.stringify(file));
      return `a warning\n${JSON.stringify({ ...preview, diagnostics: [] })}`;
    }
    imported = JSON.parse(readFileSync(after("--file"), "utf8"));
    return "";
  };
  const print = (line: string) => printed.push(line);
  const succeeded = await importUnrecorded({ vendors, scratch, print, pulumi }, ["--stack", "dev"]);
  return { succeeded, ran, printed, imported };
}

test("only new objects count, not replacements; the provider comes from the state or the configuration", () => {
  const bucket = step("create", "aws:s3/bucket:Bucket", "b", {}, { provider: `${STORE}::id` });
  const wanted = creationsIn({ ...preview, steps: [...preview.steps, bucket] as never }, state);
  expect(wanted.map(({ name }) => name)).toEqual(["web-firewall", "db-firewall", "key", "b"]);
  expect(wanted[3]?.provider).toEqual({ endpoints: "[]" });
  expect(wanted[0]?.provider).toEqual({ endpoint: "http://vendor/v1" });
  expect(wanted[2]?.provider).toEqual({});
});

test("an existing object is imported with its parent; the next run creates the rest", async () => {
  const { succeeded, ran, printed, imported } = await recover(undefined);
  expect(succeeded).toBe(true);
  expect(requests).toEqual(["http://vendor/v1/firewalls?name=web", "http://vendor/v1/firewalls?name=db"]);
  expect(imported).toEqual({
    nameTable: { parent: "urn" },
    resources: [{ type: FIREWALL, name: "web-firewall", id: "7", parent: "parent" }],
  });
  expect(ran[1]).toEqual(["stack", "export", "--stack", "dev"]);
  expect(ran[2]).toEqual(expect.arrayContaining(["import", "--yes", "--protect=false", "--stack", "dev"]));
  expect(printed).toContain("  web-firewall: importing 7");
});

test.each([
  ["parent", { resources: skeleton.resources }],
  [
    "provider",
    { ...skeleton, resources: skeleton.resources.map((each) => ({ ...each, provider: "store" })) },
  ],
])(
  "an object whose %s is not in the state, as after its loss: nothing is imported, and the remedy is named",
  async (_, file) => {
    await expect(recover(undefined, file)).rejects.toThrow(
      /the state lacks what web-firewall would belong to, so nothing was imported\. If the state was lost, see .* docs\/operations\.md/,
    );
  },
);

test.each(["preview", "import"])("a failed %s is a failure", async (command) => {
  expect((await recover(command)).succeeded).toBe(false);
});

describe("an object that an import would change is adopted with the program's inputs", () => {
  const server = step("create", "hcloud:index/server:Server", "web-server", {
    name: "web",
    publicNets: [{ ipv4: 11, ipv4Enabled: true }],
    userData: "[secret]",
  });
  const found = new Map([[server.urn, "42"]]);

  test("the addresses are in the state, secrets are not", () => {
    const { deployment } = adoptCreations(state, { ...preview, steps: [server] }, found);
    const inputs = { name: "web", publicNets: [{ ipv4: 11, ipv4Enabled: true }] };
    expect(deployment.resources?.find(({ urn }) => urn === server.urn)).toMatchObject({
      id: "42",
      custom: true,
      inputs,
      outputs: { ...inputs, id: "42" },
      initErrors: [NOT_READ],
    });
    expect(JSON.stringify(deployment)).not.toContain("userData");
    expect(deployment.resources).toHaveLength(2);
    expect(deployment.pending_operations).toEqual([]);
  });

  test("an address that is not known yet is an error", () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const newState = { ...server.newState, inputs: { publicNets: [{ ipv4: unknown }] } };
    expect(() => adoptCreations(state, { ...preview, steps: [{ ...server, newState }] }, found)).toThrow(
      "web-server: its publicNets are not known before the run",
    );
  });
});

test("nothing was found: nothing is imported", () => {
  expect(importFileFor(skeleton, new Map()).resources).toEqual([]);
});
