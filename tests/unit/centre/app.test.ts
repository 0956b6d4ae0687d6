/** The control centre's pages and API, over a fleet that the test gives. */

import { Sessions } from "../../../centre/access/sessions.ts";
import { createCentre } from "../../../centre/app.ts";
import { Collector } from "../../../centre/collector.ts";
import type { FleetFacts } from "../../../status/detail.ts";
import { fleetOf, hostOf, store, testDatabase, testHistory } from "./fixtures.ts";

const HOST = "127.0.0.1:4000";
const NOW = Date.parse("2026-01-01T00:02:00Z");

interface Given {
  /** Undefined: every read fails. */
  readonly fleet?: FleetFacts;
  /** False: nothing has been read yet. */
  readonly isRead?: boolean;
}

async function centre({ fleet, isRead = true }: Given) {
  const read = () =>
    fleet === undefined
      ? Promise.reject(new Error("the backend <b>does not</b> answer"))
      : Promise.resolve(fleet);
  let time = NOW;
  const collector = new Collector(isRead ? read : () => new Promise(() => {}), () => time);
  if (isRead) await collector.refresh();
  const sessions = new Sessions(() => time);
  const database = testDatabase();
  const app = createCentre({
    collector,
    sessions,
    database,
    runs: testHistory(database),
    hosts: () => [HOST],
    now: () => time,
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.request(`http://${HOST}${path}`, { headers: { host: HOST, ...headers } });
  const opened = await get(`/session?link=${sessions.newLink()}`);
  const cookie = (opened.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  return {
    sessions,
    get,
    opened,
    /** With the session's cookie. */
    see: (path: string) => get(path, { cookie }),
    cookie,
    pass: (ms: number) => {
      time += ms;
    },
  };
}

const web = hostOf({ name: "web" });
const db = hostOf({
  name: "db",
  state: "rolled-back",
  detail: "health: hello",
  outcome: "rolled-back",
  wave: 2,
});

describe("access", () => {
  test("a link opens one session, whose cookie scripts and other sites do not get", async () => {
    const { sessions, get } = await centre({ fleet: fleetOf(web) });
    const link = sessions.newLink();
    const first = await get(`/session?link=${link}`);
    expect(first.status).toBe(200);
    expect(first.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Strict$/);
    const second = await get(`/session?link=${link}`);
    expect(second.status).toBe(403);
    expect(second.headers.get("set-cookie")).toBeNull();
  });

  test("a link is of no use after five minutes, and a session after twelve hours", async () => {
    const { sessions, get, see, pass } = await centre({ fleet: fleetOf(web) });
    const link = sessions.newLink();
    pass(5 * 60_000);
    expect((await get(`/session?link=${link}`)).status).toBe(403);
    expect((await see("/")).status).toBe(200);
    pass(12 * 3600_000);
    expect((await see("/")).status).toBe(401);
  });

  test.each([
    "/",
    "/hosts/web",
    "/topology",
    "/recovery",
    "/budgets",
    "/live",
    "/api/v1/fleet",
    "/api/v1/hosts/web",
    "/api/v1/recovery",
    "/api/v1/budgets",
    "/api/v1/openapi.json",
    "/nothing",
  ])("%s needs a session", async (path) => {
    const { get } = await centre({ fleet: fleetOf(web) });
    for (const cookie of ["", "pantheros-centre=guessed"]) {
      const answer = await get(path, { cookie });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain("203.0.113.11");
    }
  });

  test("another Host is refused, because a page of another name could lead to this address", async () => {
    const { get, cookie } = await centre({ fleet: fleetOf(web) });
    expect((await get("/", { cookie, host: "evil.example.com:4000" })).status).toBe(421);
  });

  test("no page may run or load anything of another origin, be framed, or be kept by a cache", async () => {
    const { see } = await centre({ fleet: fleetOf(web) });
    const { headers } = await see("/");
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
      expect(policy).toContain(rule);
    expect(policy).not.toContain("unsafe");
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

describe("the page of the fleet", () => {
  test("has each host with its state, what it runs, and how old that is", async () => {
    const { see } = await centre({ fleet: fleetOf(db, web) });
    const text = await (await see("/")).text();
    expect(text).toContain("1 of 2 hosts needs attention.");
    expect(text).toContain('<a href="/hosts/db">db</a>');
    expect(text).toMatch(/<span class="badge bad"><svg .*<\/svg>rolled-back<\/span>/);
    expect(text).toContain("health: hello");
    expect(text).toContain(`<code title="${store("a", "web")}">aaaaaaaa</code>`);
    expect(text).toContain("asked 1 min ago");
    expect(text.indexOf("/hosts/db")).toBeLessThan(text.indexOf("/hosts/web"));
  });

  test.each([
    ["q=web", ["web"]],
    ["q=@WAVE2", ["db"]],
    ["q=203.0.113&state=ok", ["web"]],
    ["state=rolled-back", ["db"]],
    ["state=unknown", ["db", "web"]],
    ["q=nothing", []],
  ])("?%s shows %j", async (query, names) => {
    const { see } = await centre({ fleet: fleetOf(db, web) });
    const text = await (await see(`/?${query}`)).text();
    expect([...text.matchAll(/<tr id="host-([^"]+)"/g)].map(([, name]) => name)).toEqual(names);
  });

  test("shows that the state is being read, and why it could not be", async () => {
    const waiting = await centre({ fleet: fleetOf(web), isRead: false });
    expect(await (await waiting.see("/")).text()).toContain("The state of the fleet is being read.");
    const failed = await centre({});
    const text = await (await failed.see("/")).text();
    expect(text).toContain("the backend &lt;b&gt;does not&lt;/b&gt; answer");
  });
});

describe("the page of a host", () => {
  test("has its system, checks, services, names and who deployed it", async () => {
    const { see } = await centre({ fleet: fleetOf(web) });
    const text = await (await see("/hosts/web")).text();
    for (const part of [
      store("a", "web"),
      "status 200",
      "https://hello.example.test",
      "web.example.test A",
      "2 min ago</time> by a person from 0123456789ab",
      "The host answered 1 min ago",
    ])
      expect(text).toContain(part);
  });

  test("a kernel that runs after the next boot is named beside the one that runs", async () => {
    const kernel = (name: string) => `/nix/store/${"k".repeat(32)}-${name}/bzImage`;
    const waits = { ...web, bootedKernel: kernel("linux-6.12"), kernel: kernel("linux-6.18") };
    const { see } = await centre({ fleet: fleetOf(waits) });
    expect(await (await see("/hosts/web")).text()).toMatch(
      /<dd>linux-6\.12<\/dd>\s*<dd>linux-6\.18 after a reboot<\/dd>/,
    );
  });

  test("a host that does not exist gives 404", async () => {
    const { see } = await centre({ fleet: fleetOf(web) });
    expect((await see("/hosts/constructor")).status).toBe(404);
    expect((await see("/api/v1/hosts/constructor")).status).toBe(404);
  });

  test.each([
    ["ok", "Nothing to do."],
    ["degraded", "Systemd units of it have failed."],
  ] as const)("a host without notes in the state %s says what that means", async (state, text) => {
    const { see } = await centre({ fleet: fleetOf(hostOf({ name: "web", state })) });
    expect(await (await see("/hosts/web")).text()).toMatch(new RegExp(`class="summary .*${text}`));
  });

  test("the reason of a failed deploy is shown with its lines", async () => {
    const { see } = await centre({ fleet: fleetOf({ ...db, reason: "health\nhello: status 500" }) });
    expect(await (await see("/hosts/db")).text()).toContain("<pre>health\nhello: status 500</pre>");
  });
});

test("text of a host is shown as text, without control characters, and cut", async () => {
  const hostile = "</code><script>alert(1)</script>\u001b[2J\u202e";
  const host = {
    ...hostOf({ name: "web", state: "degraded", detail: hostile, failedUnits: [hostile], running: hostile }),
    reason: hostile + "x".repeat(10_000_000),
    health: [{ name: hostile, ok: false, detail: hostile }],
    deployed: { at: hostile, by: hostile, commit: hostile },
    phase: hostile,
    kernel: hostile,
    bootedKernel: hostile,
    services: [{ name: hostile, url: "javascript:alert(1)", public: true }],
    names: [{ name: hostile, type: hostile, content: hostile }],
    addresses: { tailnet: hostile },
  };
  const { see } = await centre({ fleet: fleetOf(host) });
  for (const path of ["/", "/hosts/web", "/topology"]) {
    const answer = await see(path);
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).not.toContain("<script>alert");
    for (const control of ["\u001b", "\u202e"]) expect(text).not.toContain(control);
    expect(text).not.toContain('href="javascript:');
    expect(text.length).toBeLessThan(200_000);
  }
});

describe("what the inventory promises", () => {
  const promised = {
    ...fleetOf({ ...web, seconds: { activate: 20, confirm: 1 } }, db),
    budgets: { memoryMb: 100, changeSeconds: 15, recovery: { host: { withinMinutes: 60, lossHours: 0 } } },
  };

  test("recoveries and budgets have the limits, and say what was not measured", async () => {
    const { see } = await centre({ fleet: promised });
    const recovery = await (await see("/recovery")).text();
    for (const part of ["A host is lost", "within 1 h", "1 of 1 recoveries were never rehearsed."])
      expect(recovery).toContain(part);
    const budgets = await (await see("/budgets")).text();
    for (const part of [
      "100 MB",
      "this control centre, now",
      "15 s",
      "21 s",
      "over",
      "The last deploy of 1 host",
    ])
      expect(budgets).toContain(part);
    expect(await (await see("/hosts/web")).text()).toContain("Time of the last deploy");
    expect(await (await see("/hosts/db")).text()).not.toContain("Time of the last deploy");
  });

  test("the API has the same", async () => {
    const { see } = await centre({ fleet: promised });
    expect(await (await see("/api/v1/recovery")).json()).toEqual({
      recoveries: [{ name: "host", state: "never rehearsed", target: { seconds: 3600, lossHours: 0 } }],
    });
    expect(await (await see("/api/v1/budgets")).json()).toMatchObject({
      limits: [{ name: "memory_mb", limit: 100 }],
      changeSeconds: 15,
      deploys: [{ host: "web", seconds: 21 }],
    });
  });

  test("an inventory without limits says so", async () => {
    const { see } = await centre({ fleet: fleetOf(web) });
    expect(await (await see("/recovery")).text()).toContain("The inventory has no targets");
    expect(await (await see("/budgets")).text()).toContain("The inventory has no limits");
  });
});

describe("the API", () => {
  test("answers with the status and the facts of a host", async () => {
    const fleet = fleetOf(db, web);
    const { see } = await centre({ fleet });
    expect(await (await see("/api/v1/fleet")).json()).toEqual(fleet.status);
    expect(await (await see("/api/v1/hosts/db")).json()).toEqual(db);
  });

  test("says that nothing is known as a problem document", async () => {
    const { see } = await centre({});
    const answer = await see("/api/v1/fleet");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
    expect(await answer.json()).toMatchObject({ status: 503, detail: expect.stringContaining("does not") });
  });

  test("is described by an OpenAPI document", async () => {
    const { see } = await centre({ fleet: fleetOf(web) });
    const document = (await (await see("/api/v1/openapi.json")).json()) as {
      readonly paths: Record<string, unknown>;
    };
    expect(document).toMatchObject({ openapi: "3.1.0", info: { version: "1" } });
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(["/fleet", "/hosts/{name}"]));
  });
});

test("every file that a page names is there, and may be kept for good", async () => {
  const { see, get } = await centre({ fleet: fleetOf(web) });
  const text = await (await see("/")).text();
  const named = [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, address = ""]) => address);
  expect(named).toHaveLength(3);
  for (const address of named) {
    // The browser fetches them before there is a session.
    const answer = await get(address);
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([
      200,
      "public, max-age=31536000, immutable",
    ]);
    for (const [, imported = ""] of (await answer.text()).matchAll(/from "(\/assets\/[^"]+)"/g))
      expect((await get(imported)).status).toBe(200);
  }
});
