import { join } from "node:path";
import type { Cloudflare } from "../../../sandbox/plugins/cloudflare/client.ts";
import { recordBody } from "../../../sandbox/plugins/cloudflare/dns-record.ts";
import { cloudflare } from "../../../sandbox/plugins/cloudflare/plugin.ts";
import { Account } from "../../../sandbox/vendors/cloudflare/account.ts";
import { cloudflareApp } from "../../../sandbox/vendors/cloudflare/app.ts";
import { emptyState as emptyAccount } from "../../../sandbox/vendors/cloudflare/state.ts";
import { Store } from "../../../sandbox/vendors/store.ts";
import { folder, type Live, Session, vendor } from "./session.ts";

const RECORD = "cloudflare:index/dnsRecord:DnsRecord";
const apiToken = "cf-token";
const path = folder();
let session: Session<Cloudflare>;
let close: () => Promise<void>;
let zoneId: string;

beforeAll(async () => {
  const options = { token: apiToken, edge: "198.51.100.80", log: () => undefined };
  const account = new Account(new Store(join(path, "cloudflare.json"), emptyAccount([])), null, options);
  account.addZones(["example.test"]);
  const server = await vendor(cloudflareApp(account));
  close = server.close;
  session = new Session(cloudflare, { apiToken, baseUrl: `${server.url}/client/v4` });
  const { outputs } = await session.provider.invoke("cloudflare:index/getZone:getZone", {
    filter: { name: "example.test" },
  });
  zoneId = String(outputs["zoneId"]);
});
afterAll(() => close());

test("getZone finds the zone by name; a missing zone is an error", async () => {
  const found = await session.provider.invoke("cloudflare:index/getZone:getZone", {
    filter: { name: "example.test" },
  });
  expect(found.outputs).toMatchObject({ id: zoneId, name: "example.test", status: "active" });
  const missing = session.provider.invoke("cloudflare:index/getZone:getZone", {
    filter: { name: "nowhere.test" },
  });
  await expect(missing).rejects.toThrow('getZone: expected one zone for {"name":"nowhere.test"}, found 0');
});

test.each([
  ["A", { content: "203.0.113.10", proxied: true, ttl: 1 }, { comment: "edge" }],
  ["AAAA", { content: "2001:DB8:1::1", ttl: 300 }, { ttl: 600 }],
  ["CNAME", { content: "Target.example.test.", ttl: 300 }, { content: "other.example.test" }],
  ["TXT", { content: '"v=spf1 -all"', ttl: 300 }, { content: '"v=spf1 mx -all"' }],
  ["CAA", { data: { flags: 0, tag: "issue", value: "letsencrypt.org" }, ttl: 300 }, { ttl: 3600 }],
  ["SSHFP", { data: { algorithm: 4, type: 2, fingerprint: "ab".repeat(32) }, ttl: 300 }, { ttl: 3600 }],
])("a %s record is created, read back, changed and deleted", async (type, args, change) => {
  const given = { zoneId, name: `${type.toLowerCase()}.example.test`, type, ...args };
  const record = await session.create(RECORD, type, given);
  const refreshed = await session.refresh(record);
  expect(refreshed?.inputs).toEqual(record.inputs);
  expect(session.diff(record, given)).toEqual([]);
  const changed = await session.update(record, { ...given, ...change });
  expect((await session.refresh(changed))?.inputs).toEqual(changed.inputs);
  const imported = await session.import(RECORD, type, `${zoneId}/${record.id}`);
  expect(imported && session.diff(imported, { ...given, ...change })).toEqual([]);
  await session.delete(changed);
  expect(await session.refresh(changed)).toBeUndefined();
});

test("the deletion of a record that is gone fails, as with the official plugin; a refresh finds it gone", async () => {
  const given = { zoneId, name: "gone.example.test", type: "A", content: "203.0.113.1", ttl: 300 };
  const record = await session.create(RECORD, "gone", given);
  await session.delete(record);
  await expect(session.delete(record)).rejects.toThrow(/^DELETE \/zones\/\w+\/dns_records\/\w+: 404 81044: /);
  expect(await session.refresh(record)).toBeUndefined();
});

test("a CAA record with flags as text in the state cannot be read, as with the official plugin", async () => {
  const given = { zoneId, name: "caa.example.test", type: "CAA", ttl: 300 };
  const data = { flags: "0", tag: "issue", value: "ca.example" };
  const record = await session.create(RECORD, "caa", { ...given, data });
  await expect(session.refresh(record)).rejects.toThrow("cannot deserialize types.StringValue");
  const numbered = { ...record, outputs: { ...record.outputs, data: { ...data, flags: 0 } } };
  expect((await session.refresh(numbered))?.outputs["data"]).toEqual({ ...data, flags: 0 });
  await session.delete(record);
});

test("an import leaves fields of 0 out of the inputs, as the official plugin does; that is no difference", async () => {
  const data = { priority: 0, weight: 5, port: 0, target: "sip.example.test" };
  const given = { zoneId, name: "_sip._tcp.example.test", type: "SRV", ttl: 300, priority: 0, data };
  const record = await session.create(RECORD, "srv", given);
  const imported = await session.import(RECORD, "srv", `${zoneId}/${record.id}`);
  expect(imported?.inputs["data"]).toEqual({ weight: 5, target: "sip.example.test" });
  expect(imported?.outputs["data"]).toEqual(data);
  expect((await session.refresh(imported as Live))?.outputs["data"]).toEqual(data);
  expect(imported && session.diff(imported, given)).toEqual([]);
  expect(imported && session.diff(imported, { ...given, data: { ...data, port: 1 } })).not.toEqual([]);
  await session.delete(record);
});

test("a CNAME is stored with its settings, other records without", async () => {
  const given = { zoneId, name: "alias.example.test", type: "CNAME", ttl: 300, content: "a.example.test" };
  const alias = await session.create(RECORD, "alias", given);
  const settings = { flattenCname: false, ipv4Only: false, ipv6Only: false };
  expect(alias.outputs["settings"]).toEqual(settings);
  expect((await session.refresh(alias))?.outputs["settings"]).toEqual(settings);
  expect(session.diff(alias, given)).toEqual([]);
  await session.delete(alias);
  const address = { zoneId, name: "a.example.test", type: "A", ttl: 300, content: "203.0.113.1" };
  const record = await session.create(RECORD, "a", address);
  expect(record.outputs).not.toHaveProperty("settings");
  await session.delete(record);
});

test("a change of zone or type replaces, other changes update", () => {
  const inputs = { zoneId, name: "a.example.test", type: "A", content: "203.0.113.1", ttl: 300 };
  const live = { type: RECORD, name: "a", id: "1", inputs, outputs: {} };
  expect(session.diff(live, { ...inputs, zoneId: "other", type: "AAAA" })).toEqual(["zoneId!", "type!"]);
  expect(session.diff(live, { ...inputs, proxied: true, ttl: 1 })).toEqual(["ttl", "proxied"]);
});

test("an error has the vendor's code and message", async () => {
  const given = { zoneId, name: "twice.example.test", type: "A", content: "203.0.113.1", ttl: 300 };
  const first = await session.create(RECORD, "one", given);
  await expect(session.create(RECORD, "two", given)).rejects.toThrow(
    /^POST \/zones\/\w+\/dns_records: 400 81\d+: .*record/i,
  );
  await session.delete(first);
  expect(() => session.checked(RECORD, "x", { ...given, data: {} })).toThrow(
    "content: give exactly one of content, data",
  );
});

test("getDnsRecords lists a zone's records over several pages, in the official function's form", async () => {
  const list = async (maxItems?: number) => {
    const args = { zoneId, ...(maxItems !== undefined && { maxItems }) };
    const { outputs } = await session.provider.invoke("cloudflare:index/getDnsRecords:getDnsRecords", args);
    return outputs["results"] as Record<string, unknown>[];
  };
  const made = [];
  for (let i = 0; i < 102; i += 1) {
    const args = { zoneId, name: `n${i}.example.test`, type: "A", content: "203.0.113.1", ttl: 300 };
    made.push(await session.create(RECORD, `n${i}`, args));
  }
  const found = await list();
  expect(found).toHaveLength(102);
  expect(found.map(({ id }) => id).sort()).toEqual(made.map(({ id }) => id).sort());
  expect(found[0]).toMatchObject({ type: "A", content: "203.0.113.1", ttl: 300, proxied: false });
  expect(await list(3)).toHaveLength(3);
  for (const each of made) await session.delete(each);
});

test("data has numbers and the API's names in the request", () => {
  const body = recordBody({
    zoneId: "z",
    name: "n",
    type: "TLSA",
    ttl: 1,
    data: { usage: "3", matchingType: 1, certificate: "00" },
  });
  expect(body).toEqual({
    name: "n",
    type: "TLSA",
    ttl: 1,
    data: { usage: 3, matching_type: 1, certificate: "00" },
  });
});
