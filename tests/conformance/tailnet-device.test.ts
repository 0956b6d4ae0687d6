import { rmSync, writeFileSync } from "node:fs";
import { faultFiles } from "../../sandbox/vendors/faults.ts";
import { run, Vendors } from "./vendors.ts";

jest.setTimeout(120_000);

/** The program that renames and removes a host's device, against the emulated API. */
describe("deployer/tailnet-device/main.ts", () => {
  let vendors: Vendors;
  beforeAll(async () => {
    vendors = await Vendors.start("dns,tailscale");
    await call("POST", "/api/v2/tailnet/-/acl", {
      tagOwners: Object.fromEntries(
        ["server", "host-web", "host-db", "host-new"].map((tag) => [`tag:${tag}`, ["autogroup:admin"]]),
      ),
    });
  });
  afterAll(() => vendors.stop());

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${vendors.url("tailscale")}${path}`, {
      method,
      headers: { authorization: `Bearer ${vendors.secret("TAILSCALE_API_KEY")}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return JSON.parse(text || "{}") as Record<string, unknown>;
  };

  async function joined(hostname: string, ...tags: string[]): Promise<void> {
    const devices = { create: { reusable: false, ephemeral: false, preauthorized: true, tags } };
    const { key } = await call("POST", "/api/v2/tailnet/-/keys", { capabilities: { devices } });
    const { device } = await call("POST", "/sandbox/join", { authKey: key, hostname });
    expect(device).toMatchObject({ hostname, tags });
  }

  const devices = async () => {
    const { devices: all } = (await call("GET", "/api/v2/tailnet/-/devices")) as {
      devices: { name: string; tags?: string[] }[];
    };
    return Object.fromEntries(all.map(({ name, tags = [] }) => [name.split(".")[0], tags]));
  };

  const device = (verb: string, spec: object, credentials: Record<string, string>) =>
    run([process.execPath, "deployer/tailnet-device/main.ts", verb], {
      env: {
        PANTHEROS_DEVICE: JSON.stringify({ api: vendors.url("tailscale"), ...spec }),
        TAILSCALE_TAILNET: "",
        TAILSCALE_API_KEY: "",
        TAILSCALE_OAUTH_CLIENT_ID: "",
        TAILSCALE_OAUTH_CLIENT_SECRET: "",
        ...credentials,
      },
    });
  const key = () => ({ TAILSCALE_API_KEY: vendors.secret("TAILSCALE_API_KEY") });

  test("a rename sets name and tags; a removal deletes all devices of the host and no others", async () => {
    await joined("web", "tag:server", "tag:host-web");
    await joined("db", "tag:server", "tag:host-db");
    await joined("web", "tag:server");

    const renamed = await device(
      "rename",
      {
        host: "new",
        tag: "tag:host-new",
        tags: ["tag:server", "tag:host-new"],
        formerly: { host: "web", tag: "tag:host-web" },
      },
      key(),
    );
    expect(renamed).toMatchObject({ code: 0 });
    expect(await devices()).toEqual({
      new: ["tag:server", "tag:host-new"],
      db: ["tag:server", "tag:host-db"],
      "web-1": ["tag:server"],
    });

    expect(await device("remove", { host: "web", tag: "tag:host-web" }, key())).toMatchObject({ code: 0 });
    expect(Object.keys(await devices()).sort()).toEqual(["db", "new", "web-1"]);
    const removed = await device("remove", { host: "new", tag: "tag:host-new" }, key());
    expect(removed.stderr).toContain("tailnet device new.tail0000.ts.net removed");
    expect(Object.keys(await devices()).sort()).toEqual(["db", "web-1"]);
  });

  test("a request that fails once is repeated, and a rename that failed half way is continued", async () => {
    const spec = {
      host: "moved",
      tag: "tag:host-new",
      tags: ["tag:server", "tag:host-new"],
      formerly: { host: "once", tag: "tag:host-web" },
    };
    const { rules, requests } = faultFiles(vendors.dir);
    for (const [fault, from] of [
      ["drop", 2],
      ["unavailable", 1],
      ["refuse", 2],
    ] as const) {
      await joined("once", "tag:server", "tag:host-web");
      writeFileSync(rules, JSON.stringify([{ fault, from }]));
      const first = await device("rename", spec, key());
      for (const file of [rules, requests]) rmSync(file);
      expect(first.stderr).toMatch(fault === "refuse" ? /^warning: .*HTTP 403/ : /renamed to moved/);
      // As in the run after a killed one.
      if (fault === "refuse")
        expect((await device("rename", spec, key())).stderr).toMatch(/renamed to moved/);
      expect((await devices())["moved"]).toEqual(["tag:server", "tag:host-new"]);
      const removed = await device("remove", { host: "moved", tag: "tag:host-new" }, key());
      expect(removed.stderr).toContain("tailnet device moved.tail0000.ts.net removed");
    }
  });

  test("an OAuth client works too", async () => {
    const removed = await device(
      "remove",
      { host: "db", tag: "tag:host-db" },
      {
        TAILSCALE_OAUTH_CLIENT_ID: vendors.secret("TAILSCALE_OAUTH_CLIENT_ID"),
        TAILSCALE_OAUTH_CLIENT_SECRET: vendors.secret("TAILSCALE_OAUTH_CLIENT_SECRET"),
      },
    );
    expect(removed).toMatchObject({ code: 0 });
    expect(Object.keys(await devices())).toEqual(["web-1"]);
  });

  test("a failure is a warning, and the exit code is 0", async () => {
    const spec = { host: "web", tag: "tag:server" };
    for (const [credentials, message] of [
      [{}, /^warning: tailnet device of web: no token: set TAILSCALE_OAUTH_CLIENT_ID/],
      [{ TAILSCALE_API_KEY: "wrong" }, /HTTP 401\); the token needs the scope devices:core; remove it in/],
    ] as const) {
      const ended = await device("remove", spec, credentials);
      expect(ended).toMatchObject({ code: 0 });
      expect(ended.stderr).toMatch(message);
    }
    const away = await device("remove", { ...spec, api: "http://127.0.0.1:1" }, key());
    expect(away).toMatchObject({ code: 0 });
    expect(away.stderr).toMatch(/^warning: tailnet device of web/);
  });
});
