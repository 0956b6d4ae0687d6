import type { Properties, StateResource } from "../../../tools/recovery/deployment.ts";
import { find } from "../../../tools/recovery/finders.ts";
import type { Vendors } from "../../../tools/recovery/vendors.ts";

const refuse = () => {
  throw new Error("unexpected request");
};
const vendors = (some: Partial<Vendors>): Vendors => ({
  servers: refuse,
  cloudflare: refuse,
  tailscale: refuse,
  ownsBucket: refuse,
  onepassword: refuse,
  ...some,
});
const resource = (type: string, inputs: Properties): StateResource => ({ urn: "u", type, inputs });

describe("Hetzner", () => {
  const server = resource("hcloud:index/server:Server", { name: "web", labels: { stack: "production" } });
  const answering = (...servers: Properties[]) => vendors({ servers: async () => ({ servers }) });

  test("a server with the name and the labels is found; more labels do not matter", async () => {
    const found = { id: 42, name: "web", labels: { stack: "production", more: "x" } };
    expect(await find(answering(found), {}, server)).toEqual({ kind: "found", id: "42" });
  });
  test.each<[string, Properties[]]>([
    ["no server", []],
    ["a server with a different name", [{ id: 1, name: "web2", labels: { stack: "production" } }]],
    ["a server of a different stack", [{ id: 1, name: "web", labels: { stack: "staging" } }]],
    ["a server without labels", [{ id: 1, name: "web" }]],
  ])("not found: %s", async (_what, servers) => {
    expect(await find(answering(...servers), {}, server)).toEqual({ kind: "absent" });
  });
  test("a vendor that does not answer is an error, not an absence", async () => {
    await expect(find(vendors({}), {}, server)).rejects.toThrow("unexpected request");
  });
  test("an answer without the list is an error, not an absence", async () => {
    const other = vendors({ servers: async () => ({ status: "ok" }) });
    await expect(find(other, {}, server)).rejects.toThrow('it has no list "servers"');
  });
});

describe("Cloudflare", () => {
  const answering = (...result: Properties[]) => vendors({ cloudflare: async () => ({ result }) });
  const record = (inputs: Properties) =>
    resource("cloudflare:index/dnsRecord:DnsRecord", { zoneId: "z1", ...inputs });

  test("the record with the same content is found", async () => {
    const aaaa = record({ name: "web.example.test", type: "AAAA", content: "2001:DB8::1" });
    const other = { id: "r1", content: "2001:db8::2" };
    expect(await find(answering(other, { id: "r2", content: "2001:db8::1" }), {}, aaaa)).toEqual({
      kind: "found",
      id: "r2",
    });
    expect(await find(answering(other), {}, aaaa)).toEqual({ kind: "absent" });
  });
  test("data is compared with numbers as text, and without the vendor's own fields", async () => {
    const caa = record({
      name: "example.test",
      type: "CAA",
      data: { flags: "0", tag: "issue", value: "ca.example" },
    });
    const stored = (value: string) => ({ id: "r1", data: { value, tag: "issue", flags: 0, extra: 1 } });
    expect(await find(answering(stored("ca.example")), {}, caa)).toEqual({ kind: "found", id: "r1" });
    expect(await find(answering(stored("other.example")), {}, caa)).toEqual({ kind: "absent" });
  });
});

describe("Tailscale", () => {
  const key = resource("tailscale:index/tailnetKey:TailnetKey", { description: "join web" });
  function tailnet(keys: Record<string, Properties>) {
    const deleted: string[] = [];
    const tailscale: Vendors["tailscale"] = async (_provider, method, path) => {
      const id = path.split("/").at(-1) ?? "";
      if (method === "DELETE") deleted.push(id);
      return id === "keys" ? { keys: Object.keys(keys).map((known) => ({ id: known })) } : (keys[id] ?? {});
    };
    return { deleted, vendors: vendors({ tailscale }) };
  }

  test("valid keys with the description are removed, since their secret is lost", async () => {
    const { deleted, vendors } = tailnet({
      a: { description: "join web" },
      b: { description: "join db" },
      c: { description: "join web", invalid: true },
    });
    expect(await find(vendors, {}, key)).toMatchObject({ kind: "removed" });
    expect(deleted).toEqual(["a"]);
  });
  test("without a description no key is touched", async () => {
    const { deleted, vendors } = tailnet({ a: { description: "" } });
    const nameless = resource("tailscale:index/tailnetKey:TailnetKey", {});
    expect(await find(vendors, {}, nameless)).toEqual({ kind: "absent" });
    expect(deleted).toEqual([]);
  });
});

test("a bucket is found if it belongs to this account", async () => {
  const bucket = resource("aws:s3/bucket:Bucket", { bucket: "dumps" });
  expect(await find(vendors({ ownsBucket: async () => true }), {}, bucket)).toEqual({
    kind: "found",
    id: "dumps",
  });
  expect(await find(vendors({ ownsBucket: async () => false }), {}, bucket)).toEqual({ kind: "absent" });
});

test("a 1Password item is found if it is the only one with the title and the tags", async () => {
  const item = resource("onepassword:index/item:Item", {
    vault: "v1",
    title: "web token",
    tags: ["pantheros", "dev"],
  });
  const ours = { id: "i1", title: "web token", tags: ["pantheros", "dev"] };
  const holding = (...items: Properties[]) => vendors({ onepassword: async () => items });
  expect(await find(holding(ours, { ...ours, id: "i2", tags: [] }), {}, item)).toEqual({
    kind: "found",
    id: "vaults/v1/items/i1",
  });
  expect(await find(holding(ours, { ...ours, id: "i2" }), {}, item)).toEqual({ kind: "absent" });
});

test("resources that can be created again without harm are not searched for", async () => {
  expect(await find(vendors({}), {}, resource("command:local:Command", { create: "true" }))).toEqual({
    kind: "absent",
  });
});
