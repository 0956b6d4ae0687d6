import { join } from "node:path";
import { standardPolicy } from "../../../sandbox/plugins/tailscale/acl.ts";
import type { Tailscale } from "../../../sandbox/plugins/tailscale/client.ts";
import { tailscale } from "../../../sandbox/plugins/tailscale/plugin.ts";
import { Store } from "../../../sandbox/vendors/store.ts";
import { tailscaleApp } from "../../../sandbox/vendors/tailscale/app.ts";
import { emptyState } from "../../../sandbox/vendors/tailscale/state.ts";
import { Tailnet } from "../../../sandbox/vendors/tailscale/tailnet.ts";
import { folder, Session, vendor } from "./session.ts";

const path = folder();
const options = {
  name: "example.test",
  suffix: "tail0000.ts.net",
  apiKey: "tskey-api-test",
  clientId: "client",
  clientSecret: "tskey-client-test",
  log: () => undefined,
};
let session: Session<Tailscale>;
let close: () => Promise<void>;
let baseUrl: string;

beforeAll(async () => {
  const tailnet = new Tailnet(new Store(join(path, "tailscale.json"), emptyState), null, options);
  const server = await vendor(tailscaleApp(tailnet));
  ({ close, url: baseUrl } = server);
  session = new Session(tailscale, { apiKey: options.apiKey, baseUrl, tailnet: options.name });
});
afterAll(() => close());

const ACL = "tailscale:index/acl:Acl";
const policy = (extra = "") => `{
  // who owns what
  "tagOwners": { "tag:server": ["autogroup:admin"], },${extra}
  "acls": [{ "action": "accept", "src": ["*"], "dst": ["*:*"] }],
}`;

test("a default policy is overwritten, a changed one only with overwriteExistingContent", async () => {
  const acl = await session.create(ACL, "acl", { acl: policy(), resetAclOnDestroy: true });
  expect((await session.refresh(acl))?.inputs).toEqual(acl.inputs);
  await expect(session.create(ACL, "acl", { acl: policy("\n") })).rejects.toThrow(
    /412.*set overwriteExistingContent: true/s,
  );
  const forced = await session.create(ACL, "acl", { acl: policy(), overwriteExistingContent: true });
  await session.delete({ ...acl, outputs: acl.outputs });
  const drifted = await session.refresh(forced);
  expect(drifted && session.diff(drifted, { acl: policy(), overwriteExistingContent: true })).toEqual([
    "acl",
  ]);
});

test("comments, white space and trailing commas are no difference; strings are unchanged", () => {
  expect(standardPolicy(policy())).toEqual({
    tagOwners: { "tag:server": ["autogroup:admin"] },
    acls: [{ action: "accept", src: ["*"], dst: ["*:*"] }],
  });
  expect(standardPolicy('{"a": "http://x/*y*/,}", /* b */ "c": [1, /* d */ ],}')).toEqual({
    a: "http://x/*y*/,}",
    c: [1],
  });
  expect(() => session.checked(ACL, "acl", { acl: "{" })).toThrow("acl: is neither JSON nor HuJSON");
});

test("a key is secret and stays after a refresh; a used one-off key is not created again", async () => {
  await session.create(ACL, "tags", { acl: policy(), overwriteExistingContent: true });
  const type = "tailscale:index/tailnetKey:TailnetKey";
  const args = {
    preauthorized: true,
    tags: ["tag:server"],
    expiry: 3600,
    description: "sandbox web",
    recreateIfInvalid: "never",
  };
  const key = await session.create(type, "web", args);
  expect(String(key.outputs["key"])).toMatch(/^tskey-auth-/);
  expect(tailscale.resources[type]?.secretOutputs).toEqual(["key"]);
  const refreshed = await session.refresh(key);
  expect(refreshed?.inputs).toEqual(key.inputs);
  expect(refreshed?.outputs["key"]).toBe(key.outputs["key"]);
  expect(session.diff(key, { ...args, tags: ["tag:other"], recreateIfInvalid: "always" })).toEqual([
    "tags!",
    "recreateIfInvalid",
  ]);
  await session.delete(key);
  const used = await session.refresh(key);
  expect(used?.outputs).toMatchObject({ invalid: true, key: key.outputs["key"] });
  expect(used?.inputs).toEqual(key.inputs);
  const renewed = { ...key, inputs: { ...key.inputs, recreateIfInvalid: "always" } };
  expect(await session.refresh(renewed)).toBeUndefined();
});

test.each([
  [
    "tailscale:index/dnsNameservers:DnsNameservers",
    { nameservers: ["192.0.2.53"] },
    { nameservers: ["192.0.2.54", "192.0.2.53"] },
  ],
  ["tailscale:index/dnsPreferences:DnsPreferences", { magicDns: true }, { magicDns: false }],
  ["tailscale:index/dnsSearchPaths:DnsSearchPaths", { searchPaths: ["example.test"] }, { searchPaths: [] }],
])("%s is set, read back, changed and reset", async (type, args, change) => {
  const setting = await session.create(type, "dns", args);
  expect((await session.refresh(setting))?.inputs).toEqual(args);
  const changed = await session.update(setting, change);
  expect((await session.refresh(changed))?.inputs).toEqual(change);
  await session.delete(changed);
});

test("resolvers: an empty list is refused", () => {
  const nameservers = "tailscale:index/dnsNameservers:DnsNameservers";
  expect(() => session.checked(nameservers, "dns", { nameservers: [] })).toThrow("at least 1 entry");
});

test("an OAuth client gets its own token; a wrong key is an error with the vendor's message", async () => {
  const oauth = new Session(tailscale, {
    oauthClientId: "client",
    oauthClientSecret: options.clientSecret,
    baseUrl,
  });
  const type = "tailscale:index/dnsSearchPaths:DnsSearchPaths";
  const found = await oauth.import(type, "search", "dns");
  expect(found?.inputs).toEqual({ searchPaths: [] });
  const wrong = new Session(tailscale, { apiKey: "tskey-api-wrong", baseUrl });
  await expect(wrong.import(type, "search", "dns")).rejects.toThrow(
    "GET /tailnet/-/dns/searchpaths: 401: API token invalid",
  );
});
