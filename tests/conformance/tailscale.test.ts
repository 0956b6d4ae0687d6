import { run, Vendors } from "./vendors.ts";

jest.setTimeout(120_000);

interface Key {
  id: string;
  key?: string;
  invalid?: boolean;
}

describe("the Tailscale API", () => {
  let vendors: Vendors;
  beforeAll(async () => {
    vendors = await Vendors.start("dns,tailscale");
  });
  afterAll(() => vendors.stop());

  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${vendors.url("tailscale")}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${vendors.secret("TAILSCALE_API_KEY")}:`).toString("base64")}`,
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const json = async <T>(method: string, path: string, body?: unknown) =>
    (await (await call(method, path, body)).json()) as T;
  const tailnet = (path: string) => `/api/v2/tailnet/-/${path}`;

  const policy = `// who may do what
{
  "groups": {"group:admins": ["admin@example.test"]},
  "tagOwners": {"tag:server": ["group:admins"],}, // trailing comma
  "acls": [{"action": "accept", "src": ["group:admins"], "dst": ["tag:server:22"]}],
  "tests": [{"src": "admin@example.test", "accept": ["tag:server:22"], "deny": ["tag:server:25"]}],
}
`;

  const newKey = (create: object, more: object = {}) =>
    json<Key>("POST", tailnet("keys"), { capabilities: { devices: { create } }, ...more });
  const join = (authKey: string | undefined, hostname: string) =>
    fetch(`${vendors.url("tailscale")}/sandbox/join`, {
      method: "POST",
      body: JSON.stringify({ authKey, hostname }),
    });

  const dig = async (name: string) => {
    const { stdout } = await run([
      "dig",
      "+short",
      "+time=2",
      "@127.0.0.1",
      "-p",
      String(vendors.ports["dns"]),
      name,
      "A",
    ]);
    return stdout.trim();
  };

  test("accepts an API key and an OAuth client only", async () => {
    expect((await call("GET", tailnet("acl"))).status).toBe(200);
    expect((await call("GET", "/api/v2/tailnet/example.test/acl")).status).toBe(200);
    expect((await call("GET", "/api/v2/tailnet/other.test/acl")).status).toBe(404);
    const wrong = await call("GET", tailnet("acl"), undefined, { authorization: "Bearer tskey-api-wrong" });
    expect([wrong.status, await wrong.json()]).toEqual([401, { message: "API token invalid" }]);
    const form = new URLSearchParams({
      client_id: vendors.secret("TAILSCALE_OAUTH_CLIENT_ID"),
      client_secret: vendors.secret("TAILSCALE_OAUTH_CLIENT_SECRET"),
    });
    const grant = await fetch(`${vendors.url("tailscale")}/api/v2/oauth/token`, {
      method: "POST",
      body: form,
    });
    const { access_token } = (await grant.json()) as { access_token: string };
    const bearer = await call("GET", tailnet("devices"), undefined, {
      authorization: `Bearer ${access_token}`,
    });
    expect(await bearer.json()).toEqual({ devices: [] });
  });

  test("stores the policy unchanged, requires its ETag, and checks it", async () => {
    const before = await call("GET", tailnet("acl"));
    const etag = before.headers.get("etag") ?? "";
    const set = await call("POST", tailnet("acl"), policy, {
      "if-match": etag,
      "content-type": "application/hujson",
    });
    expect(set.status).toBe(200);
    const raw = await call("GET", tailnet("acl"), undefined, { accept: "application/hujson" });
    expect(await raw.text()).toBe(policy);
    expect(await json("GET", tailnet("acl"))).toMatchObject({
      tagOwners: { "tag:server": ["group:admins"] },
    });
    const stale = await call("POST", tailnet("acl"), policy, { "if-match": etag });
    expect([stale.status, await stale.json()]).toEqual([
      412,
      { message: "precondition failed, invalid old hash" },
    ]);

    expect(await json("POST", tailnet("acl/validate"), policy)).toEqual({});
    const unknown = policy.replace('"tag:server:22"], "deny"', '"tag:server:443"], "deny"');
    expect(await json("POST", tailnet("acl/validate"), unknown)).toEqual({
      message: "test(s) failed",
      data: [{ user: "admin@example.test", errors: ['address "tag:server:443": want: Accept, got: Drop'] }],
    });
    const noGroup = await call(
      "POST",
      tailnet("acl"),
      policy.replaceAll('group:admins"],}', 'group:none"],}'),
    );
    expect([noGroup.status, await noGroup.json()]).toEqual([
      400,
      { message: expect.stringContaining('group not found: "group:none"') },
    ]);
  });

  test("shows a key once, and a device can join with it as often as it allows", async () => {
    const oneOff = await newKey(
      { reusable: false, preauthorized: true, tags: ["tag:server"] },
      { expirySeconds: 3600, description: "web" },
    );
    expect(oneOff.key).toMatch(/^tskey-auth-k\w+CNTRL-\w{32}$/);
    expect(await json<Key>("GET", tailnet(`keys/${oneOff.id}`))).not.toHaveProperty("key");
    const first = (await (await join(oneOff.key, "Web")).json()) as {
      device: { nodeId: string; addresses: string[]; name: string };
    };
    expect(first.device).toMatchObject({
      name: "web.tail0000.ts.net",
      tags: ["tag:server"],
      authorized: true,
      keyExpiryDisabled: true,
    });
    expect(first.device.addresses[0]).toMatch(/^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./);
    expect(await dig("web.tail0000.ts.net")).toBe(first.device.addresses[0]);
    expect((await join(oneOff.key, "again")).status).toBe(403);
    expect(await json<Key>("GET", tailnet(`keys/${oneOff.id}`))).toMatchObject({ invalid: true });

    const reusable = await newKey({ reusable: true, preauthorized: true, tags: [] });
    expect((await join(reusable.key, "web")).status).toBe(200);
    expect((await join(reusable.key, "web")).status).toBe(200);
    const { devices } = await json<{ devices: { name: string }[] }>("GET", tailnet("devices"));
    expect(devices.map(({ name }) => name.split(".")[0])).toEqual(["web", "web-1", "web-2"]);
    await call("DELETE", tailnet(`keys/${reusable.id}`));
    expect((await join(reusable.key, "web")).status).toBe(403);
    expect((await call("GET", tailnet(`keys/${reusable.id}`))).status).toBe(404);

    const tagless = await call("POST", tailnet("keys"), {
      capabilities: { devices: { create: { tags: ["tag:none"] } } },
    });
    expect([tagless.status, await tagless.json()]).toEqual([
      400,
      { message: expect.stringContaining("tag:none") },
    ]);
    await call("DELETE", `/api/v2/device/${first.device.nodeId}`);
    expect(await dig("web.tail0000.ts.net")).toBe("");
  });

  test("no device can join with an expired key", async () => {
    const key = await newKey({ reusable: true }, { expirySeconds: 1 });
    while (!(await json<Key>("GET", tailnet(`keys/${key.id}`))).invalid)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await join(key.key, "late")).status).toBe(403);
  });

  test("DNS settings are stored, and survive a kill", async () => {
    await json("POST", tailnet("dns/nameservers"), { dns: ["198.51.100.1"] });
    await json("POST", tailnet("dns/searchpaths"), { searchPaths: ["example.test"] });
    await vendors.end("SIGKILL");
    await vendors.launch();
    expect(await json("GET", tailnet("dns/nameservers"))).toEqual({ dns: ["198.51.100.1"] });
    expect(await json("GET", tailnet("dns/searchpaths"))).toEqual({ searchPaths: ["example.test"] });
    expect(await json("GET", tailnet("dns/preferences"))).toEqual({ magicDNS: true });
    expect((await call("POST", tailnet("dns/nameservers"), { dns: ["nonsense"] })).status).toBe(400);
    expect(await dig("web-1.tail0000.ts.net")).toMatch(/^100\./);
  });

  test("a device can be renamed and tagged", async () => {
    const { devices } = await json<{ devices: { nodeId: string }[] }>("GET", tailnet("devices"));
    const path = `/api/v2/device/${devices[0]?.nodeId}`;
    await call("POST", `${path}/tags`, { tags: ["tag:server"] });
    await call("POST", `${path}/name`, { name: "renamed" });
    expect(await json("GET", path)).toMatchObject({
      name: "renamed.tail0000.ts.net",
      tags: ["tag:server"],
      authorized: true,
    });
    expect(await dig("web-1.tail0000.ts.net")).toBe("");
  });
});
