/** Who may do what through the pages, the API and the hosts, and what the audit log says of it. */
import { mkdirSync, rmSync } from "node:fs";
import { type Access, openAccess } from "../../../centre/access/access.ts";
import { type Guard, guard, type Identity, ownerIdentity } from "../../../centre/access/identity.ts";
import { identityWith } from "../../../centre/access/roles.ts";
import { Sessions } from "../../../centre/access/sessions.ts";
import type { Actor } from "../../../centre/acts/actor.ts";
import { ACT_NAMES, type ActName, meaningOf } from "../../../centre/acts/acts.ts";
import { createCentre } from "../../../centre/app.ts";
import { copyFile } from "../../../centre/audit/copy-file.ts";
import { AuditLog, verifyAudit } from "../../../centre/audit/log.ts";
import { Collector } from "../../../centre/collector.ts";
import type { Database } from "../../../centre/store/database.ts";
import { grants } from "../../../inventory/capabilities.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { fleetOf, hostOf, testDatabase, testHistory } from "./fixtures.ts";

const HOST = "127.0.0.1:4000";
const inventory = loadInventory("nix/fleet.toml");
const ROLES = Object.keys(inventory.roles);

const identityOf = (role: string): Identity => {
  const found = identityWith(inventory, { who: `a-${role}`, door: "link", role });
  if (found === undefined) throw new Error(`no role ${role}`);
  return found;
};

/** Values for what an act needs. */
const VALUES = { host: "web", wave: 1, unit: "hello.service" } as const;
const bodyOf = (act: ActName) => ({
  act,
  reason: "it is broken",
  ...Object.fromEntries(meaningOf(act).needs.map((key) => [key, VALUES[key]])),
});

/** An actor that writes down its orders and ends when the test says so. */
function fakeActor() {
  const orders: { readonly act: string; readonly role: string }[] = [];
  const ends: ((ok: boolean) => void)[] = [];
  let waits = false;
  const actor: Actor = {
    unavailable: () => undefined,
    perform: ({ act }, { role }, progress) => {
      orders.push({ act, role });
      progress("a step <b> of\u0007 it");
      const result = (ok: boolean) => ({ ok, detail: ok ? "all well" : "it broke" });
      if (!waits) return Promise.resolve(result(true));
      return new Promise((end) => ends.push((ok) => end(result(ok))));
    },
    differences: (hosts) =>
      Promise.resolve(hosts.map((host) => ({ host, from: "/x", to: "/y", lines: ["hello 1 -> <b>2"] }))),
    journal: (_host, unit) => Promise.resolve(`a line of ${unit} <script>\u0007`),
  };
  return {
    actor,
    orders,
    /** From now on acts run until `end`. */
    wait: () => {
      waits = true;
    },
    end: (ok: boolean) => ends.shift()?.(ok),
  };
}

interface Given {
  readonly identity?: Identity;
  readonly database?: Database;
  readonly guard?: Guard;
  readonly renew?: () => Promise<Identity | undefined>;
}

async function centre({
  identity = ownerIdentity("ada"),
  database = testDatabase(),
  renew,
  ...given
}: Given = {}) {
  const fleet = fleetOf(hostOf({ name: "web" }), hostOf({ name: "db", wave: 2 }));
  const collector = new Collector(() => Promise.resolve(fleet));
  await collector.refresh();
  const sessions = new Sessions();
  const fake = fakeActor();
  const access: Access = openAccess({
    database,
    collector,
    actor: fake.actor,
    ...(given.guard !== undefined && { guard: given.guard }),
  });
  const app = createCentre({
    collector,
    sessions,
    database,
    runs: testHistory(database),
    access,
    hosts: () => [HOST],
  });
  const token = sessions.start(identity, 3600, renew);
  const own = { host: HOST, cookie: `pantheros-centre=${token}` };
  const get = (path: string) => app.request(`http://${HOST}${path}`, { headers: own });
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.request(`http://${HOST}${path}`, {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: {
        ...own,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": String(new URLSearchParams(fields).toString().length),
        "sec-fetch-site": "same-origin",
        ...headers,
      },
    });
  const form = sessions.find(token)?.formToken ?? "";
  const fieldsOf = (act: ActName): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(bodyOf(act)).map(([key, value]) => [key, String(value)])),
    form,
    sure: "yes",
  });
  const api = (path: string, secret: string, body?: unknown) =>
    app.request(`http://${HOST}/api/v1${path}`, {
      headers: {
        host: HOST,
        authorization: `Bearer ${secret}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    });
  return { ...fake, access, app, api, database, fieldsOf, form, get, post, sessions };
}

/** Lets acts that were begun come to their end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

const results = ({ audit }: Access) =>
  audit
    .read({ limit: 100 })
    .map(({ capability, result }) => [capability, result])
    .reverse();

describe("a role does through the centre what the table says, and nothing else", () => {
  test.each(ROLES.flatMap((role) => ACT_NAMES.map((act) => ({ role, act }))))(
    "$role: $act by the page",
    async ({ role, act }) => {
      const { post, fieldsOf, orders, access } = await centre({ identity: identityOf(role) });
      const answer = await post("/acts", fieldsOf(act));
      await settle();
      if (grants(inventory.roles[role]?.capabilities ?? [], act)) {
        expect(answer.status).toBe(303);
        expect(orders).toEqual([{ act, role }]);
        expect(results(access)).toEqual([
          [act, "begun"],
          [act, "done"],
        ]);
      } else {
        expect(answer.status).toBe(403);
        expect(orders).toEqual([]);
        expect(results(access)).toEqual([[act, "refused"]]);
      }
      expect(access.audit.verify().problems).toEqual([]);
    },
  );

  test.each(ROLES.flatMap((role) => ACT_NAMES.map((act) => ({ role, act }))))(
    "$role: $act by a token of the API",
    async ({ role, act }) => {
      const { api, orders, access } = await centre();
      const { capabilities } = identityOf(role);
      const own = ACT_NAMES.filter((each) => grants(capabilities, each));
      const { secret } = access.tokens.make(
        { name: "ci", capabilities: ["status.read", ...own], days: 1 },
        ownerIdentity("ada"),
      );
      const answer = await api("/acts", secret, bodyOf(act));
      await settle();
      expect(answer.status).toBe(own.includes(act) ? 202 : 403);
      expect(orders).toHaveLength(own.includes(act) ? 1 : 0);
    },
  );

  test.each([
    ["/audit", "audit.read"],
    ["/api/v1/audit", "audit.read"],
    ["/tokens", "token.manage"],
    ["/hosts/web/journal?unit=hello.service", "log.read"],
    ["/acts/new?act=rollback.host&host=web", "rollback.host"],
    ["/", "status.read"],
    ["/api/v1/fleet", "status.read"],
  ] as const)("%s needs %s", async (path, capability) => {
    for (const role of ROLES) {
      const { get } = await centre({ identity: identityOf(role) });
      const may = grants(inventory.roles[role]?.capabilities ?? [], capability);
      expect([role, (await get(path)).status]).toEqual([role, may ? 200 : 403]);
    }
    const { get } = await centre({ identity: { ...ownerIdentity("ada"), capabilities: [] } });
    expect((await get(path)).status).toBe(403);
  });

  test("pages offer a role only what it may do", async () => {
    const guest = await (await (await centre({ identity: identityOf("guest") })).get("/hosts/web")).text();
    expect(guest).not.toMatch(/rollback|Restart|Journal/);
    const admin = await (await (await centre({ identity: identityOf("admin") })).get("/hosts/web")).text();
    expect(admin).toContain("/acts/new?act=rollback.host&amp;host=web");
    expect(admin).toMatch(/Restart a unit/);
  });

  test("without the server's guard the host is called with the role of the session, which it checks itself", async () => {
    const { post, fieldsOf, orders } = await centre({ identity: identityOf("guest"), guard: () => true });
    expect((await post("/acts", fieldsOf("rollback.host"))).status).toBe(303);
    await settle();
    expect(orders).toEqual([{ act: "rollback.host", role: "guest" }]);
    expect(guard(identityOf("guest"), "rollback.host")).toBe(false);
  });
});

describe("a form", () => {
  test("shows what would change, asks for a reason, and leads to the act", async () => {
    const { get, post, fieldsOf } = await centre();
    const page = await (await get("/acts/new?act=rollback.host&host=web")).text();
    expect(page).toContain("hello 1 -&gt; &lt;b&gt;2");
    expect(page).toMatch(/name="reason" required/);
    expect(page).toMatch(/type="checkbox" name="sure" value="yes" required/);
    const answer = await post("/acts", fieldsOf("rollback.host"));
    const address = answer.headers.get("location") ?? "";
    expect(address).toMatch(/^\/acts\/[0-9a-f-]{36}$/);
    await settle();
    const ended = await get(address);
    expect(ended.headers.get("refresh")).toBeNull();
    const text = await ended.text();
    expect(text).toContain("all well");
    expect(text).toContain("a step &lt;b&gt; of it");
  });

  test.each([
    ["without its token", (fields: Record<string, string>) => ({ ...fields, form: "" }), {}],
    ["with the token of another session", (fields: Record<string, string>) => ({ ...fields, form: "x" }), {}],
    ["of another site", (fields: Record<string, string>) => fields, { "sec-fetch-site": "cross-site" }],
    ["of a sibling site", (fields: Record<string, string>) => fields, { "sec-fetch-site": "same-site" }],
    [
      "of another origin",
      (fields: Record<string, string>) => fields,
      { origin: "https://evil.example.test" },
    ],
    [
      "of a sandboxed frame",
      (fields: Record<string, string>) => fields,
      { origin: "null", "sec-fetch-site": "cross-site" },
    ],
    [
      "of an old browser in a sandboxed frame",
      (fields: Record<string, string>) => fields,
      { origin: "null", "sec-fetch-site": "" },
    ],
    ["with neither origin nor site", (fields: Record<string, string>) => fields, { "sec-fetch-site": "" }],
    ["that is no form", (fields: Record<string, string>) => fields, { "content-type": "text/plain" }],
    ["that is too long", (fields: Record<string, string>) => fields, { "content-length": "1000000" }],
  ])("%s does nothing", async (_, edit, headers) => {
    const { post, fieldsOf, orders } = await centre();
    expect((await post("/acts", edit(fieldsOf("run.up")), headers)).status).toBe(403);
    await settle();
    expect(orders).toEqual([]);
  });

  test.each([
    ["without a reason", { reason: "   " }, /a reason is required/],
    ["without the tick of a destructive act", { sure: "" }, /Tick that you have read/],
    ["for a wave too", { wave: "1" }, /takes no wave/],
    ["with an unknown field", { extra: "1" }, /extra/],
  ])("%s comes back with what is missing", async (_, change, message) => {
    const { post, fieldsOf, orders } = await centre();
    const answer = await post("/acts", { ...fieldsOf("rollback.host"), ...change });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toMatch(message);
    expect(orders).toEqual([]);
  });

  test("an act that needs no confirmation begins at once", async () => {
    const { post, fieldsOf } = await centre();
    const { sure: _, ...fields } = fieldsOf("service.restart");
    expect((await post("/acts", fields)).status).toBe(303);
  });

  test("a right that is gone at the provider counts before the next act, in a session that lives", async () => {
    const answers = [identityOf("guest"), undefined];
    const { post, fieldsOf, orders, get } = await centre({
      identity: identityOf("admin"),
      renew: () => Promise.resolve(answers.shift()),
    });
    for (const _ of ["another role", "none"])
      expect((await post("/acts", fieldsOf("rollback.host"))).status).toBe(403);
    expect(orders).toEqual([]);
    expect((await get("/")).status).toBe(200);
  });
});

describe("one act at a time", () => {
  test("a host that an act has is refused to others until it ends; other hosts are not", async () => {
    const { post, fieldsOf, wait, end, orders, get } = await centre();
    wait();
    const first = await post("/acts", fieldsOf("rollback.host"));
    const running = await get(first.headers.get("location") ?? "");
    // Without a script the page follows the act too.
    expect(running.headers.get("refresh")).toBe("2");
    for (const act of ["service.restart", "rollback.wave", "run.up"] as const) {
      const second = await post("/acts", fieldsOf(act));
      expect([act, second.status]).toEqual([act, 409]);
      expect(await second.text()).toContain("Host web is busy with rollback.host of ada");
    }
    expect((await post("/acts", { ...fieldsOf("rollback.host"), host: "db" })).status).toBe(303);
    await settle();
    expect(orders).toHaveLength(2);
    expect(await (await get("/hosts/web")).text()).toMatch(
      /running.*Roll back and pin: host web<\/a>.*by ada/,
    );
    end(false);
    await settle();
    expect((await post("/acts", fieldsOf("service.restart"))).status).toBe(303);
  });

  test("an unknown host or wave is refused", async () => {
    const { post, fieldsOf } = await centre();
    expect((await post("/acts", { ...fieldsOf("rollback.host"), host: "nobody" })).status).toBe(404);
    expect((await post("/acts", { ...fieldsOf("rollback.wave"), wave: "9" })).status).toBe(404);
  });
});

describe("the audit log", () => {
  test("has who, door, role, object, reason and result of an act, before and after it", async () => {
    const { post, fieldsOf, wait, end, access, get } = await centre({ identity: identityOf("admin") });
    wait();
    await post("/acts", fieldsOf("rollback.host"));
    expect(results(access)).toEqual([["rollback.host", "begun"]]);
    await settle();
    end(false);
    await settle();
    expect(access.audit.read({ limit: 1 })).toEqual([
      expect.objectContaining({
        seq: 2,
        who: "a-admin",
        door: "link",
        role: "admin",
        capability: "rollback.host",
        object: "host web",
        reason: "it is broken",
        result: "failed",
        detail: "it broke",
      }),
    ]);
    const page = await (await get("/audit")).text();
    expect(page).toContain("The chain of 2 records is whole.");
    expect(page).toContain("it is broken");
  });

  test("an act is refused when the log cannot be written, and reading goes on", async () => {
    const { post, fieldsOf, database, orders, get } = await centre();
    await post("/acts", fieldsOf("run.preview"));
    await settle();
    database.get(`PRAGMA max_page_count = ${Number(database.get("PRAGMA page_count")?.["page_count"])}`);
    let refused: Response | undefined;
    // The last page of the table has room for some records.
    for (let tries = 0; tries < 200 && refused === undefined; tries++) {
      const answer = await post("/acts", { ...fieldsOf("run.preview"), reason: "x".repeat(500) });
      await settle();
      if (answer.status !== 303) refused = answer;
    }
    expect(refused?.status).toBe(503);
    expect(await refused?.text()).toMatch(/The audit log cannot be written, so nothing was done/);
    const done = orders.length;
    expect((await post("/acts", { ...fieldsOf("run.preview"), reason: "x".repeat(500) })).status).toBe(503);
    await settle();
    expect(orders).toHaveLength(done);
    for (const path of ["/", "/audit", "/hosts/web"]) expect((await get(path)).status).toBe(200);
  });

  test("its copy that cannot be written refuses an act too", async () => {
    const { post, fieldsOf, database, orders } = await centre();
    rmSync(copyFile(database.file), { force: true });
    mkdirSync(copyFile(database.file));
    expect((await post("/acts", fieldsOf("run.preview"))).status).toBe(503);
    expect(orders).toEqual([]);
    rmSync(copyFile(database.file), { recursive: true });
    // The database has the attempt with its end.
    expect(new AuditLog({ database }).read({ limit: 1 })).toMatchObject([{ result: "refused" }]);
  });

  test.each([
    ["a changed text", "UPDATE audit SET reason = 'nothing' WHERE seq = 2", "record 2 was changed"],
    ["a changed result", "UPDATE audit SET result = 'done' WHERE seq = 1", "record 1 was changed"],
    ["a result that is none", "UPDATE audit SET result = 'fine' WHERE seq = 2", "record 2 is missing"],
    ["a removed record", "DELETE FROM audit WHERE seq = 2", "record 2 is missing"],
    ["a cut end", "DELETE FROM audit WHERE seq > 2", "record 3 is missing: there is a copy of it"],
    ["an emptied log", "DELETE FROM audit", "record 1 is missing: there is a copy of it"],
  ])("%s is found", async (_, change, problem) => {
    const { post, fieldsOf, database, get } = await centre();
    for (const _round of [1, 2]) {
      await post("/acts", fieldsOf("run.preview"));
      await settle();
    }
    expect(verifyAudit(database)).toMatchObject({ count: 4, problems: [] });
    database.write(() => database.run(change));
    expect(verifyAudit(database).problems.join("\n")).toContain(problem);
    const page = await (await get("/audit")).text();
    expect(page).toContain("The log was changed");
  });

  test("a deleted database gets the log back from its copy, and the chain goes on", async () => {
    const { post, fieldsOf, database } = await centre();
    await post("/acts", fieldsOf("run.preview"));
    await settle();
    database.write(() => database.run("DELETE FROM audit"));
    const reports: string[] = [];
    const audit = new AuditLog({ database, report: (line) => reports.push(line) });
    expect(reports).toEqual([expect.stringMatching(/the audit log of 2 records was restored/)]);
    expect(audit.verify()).toMatchObject({ count: 2, problems: [] });
    const again = await centre({ database });
    await again.post("/acts", again.fieldsOf("run.preview"));
    await settle();
    expect(again.access.audit.verify()).toMatchObject({ count: 4, problems: [] });
    // The page of an act of an earlier start is made from the log.
    const [first] = again.access.audit.read({ limit: 1, before: 2 });
    expect(await (await again.get(`/acts/${first?.act}`)).text()).toContain("run.preview: the stack");
  });

  test("an act that ran when the centre was killed has an end after the next start, and a record without a copy gets one", async () => {
    const { post, fieldsOf, wait, database } = await centre();
    wait();
    await post("/acts", fieldsOf("rollback.host"));
    // Killed between the record and its copy.
    rmSync(copyFile(database.file));
    const audit = new AuditLog({ database });
    expect(audit.read({ limit: 1 })).toEqual([
      expect.objectContaining({ result: "unknown", detail: expect.stringMatching(/ended while the act/) }),
    ]);
    expect(audit.verify()).toMatchObject({ count: 2, problems: [] });
    database.write(() => database.run("DELETE FROM audit"));
    expect(new AuditLog({ database }).verify()).toMatchObject({ count: 2, problems: [] });
  });

  test("a service prints each record for its journal before the act begins", async () => {
    const database = testDatabase();
    const lines: string[] = [];
    const audit = new AuditLog({ database, print: (line) => lines.push(line) });
    const { act, ...more } = { act: "1", who: "ada", door: "oidc", role: "admin" } as const;
    audit.append({
      act,
      ...more,
      capability: "run.up",
      object: "x\u001b[31m\ny",
      reason: "r",
      result: "begun",
      detail: "",
    });
    expect(lines).toEqual([expect.stringMatching(/^pantheros-audit \{.*"object":"x y".*\}$/)]);
  });
});

describe("tokens of the API", () => {
  const make = async (days = 1, capabilities: readonly ("status.read" | "run.up")[] = ["status.read"]) => {
    let time = Date.now();
    const given = await centre();
    const tokens = openAccess({
      database: given.database,
      collector: new Collector(() => Promise.reject(new Error("unused"))),
      now: () => time,
    }).tokens;
    const made = tokens.make({ name: "ci", capabilities, days }, ownerIdentity("ada"));
    return { ...given, ...made, tokens, pass: (ms: number) => (time += ms) };
  };

  test("one opens the API for what it may, and no page", async () => {
    const { api, secret, app } = await make();
    expect((await api("/fleet", secret)).status).toBe(200);
    expect((await api("/audit", secret)).status).toBe(403);
    for (const wrong of ["pantheros_guessed", secret.slice(0, -1), secret.toUpperCase(), "x"])
      expect((await api("/fleet", wrong)).status).toBe(401);
    const headers = { host: HOST, authorization: `Bearer ${secret}` };
    expect((await app.request(`http://${HOST}/`, { headers })).status).toBe(401);
    const cookie = { host: HOST, cookie: `pantheros-centre=${secret}` };
    expect((await app.request(`http://${HOST}/api/v1/fleet`, { headers: cookie })).status).toBe(401);
  });

  test("one that ended or was revoked opens nothing", async () => {
    const { tokens, secret, id, pass } = await make(2);
    expect(tokens.find(secret)).toMatchObject({ door: "token", capabilities: ["status.read"] });
    pass(2 * 86_400_000);
    expect(tokens.find(secret)).toBeUndefined();
    pass(-86_400_000);
    expect(tokens.revoke(id)).toBe(true);
    expect(tokens.revoke(id)).toBe(false);
    expect(tokens.find(secret)).toBeUndefined();
  });

  test("only its sum is stored, and its maker's own capabilities are its limit", async () => {
    const { database, secret, tokens } = await make();
    expect(JSON.stringify(database.all("SELECT * FROM tokens"))).not.toContain(secret);
    const guest = identityOf("guest");
    expect(() => tokens.make({ name: "x", capabilities: ["run.up"], days: 1 }, guest)).toThrow(
      "the role guest has not run.up itself",
    );
    for (const days of [0, -1, 1000, Number.NaN])
      expect(() => tokens.make({ name: "x", capabilities: ["status.read"], days }, guest)).toThrow(
        /ends within/,
      );
  });

  test("the page shows a new one once, and the audit log has it", async () => {
    const { post, form, get, access } = await centre();
    const made = await post("/tokens", { form, name: "ci", days: "7", "can.status.read": "yes" });
    const [secret = ""] = /pantheros_[\w-]{43}/.exec(await made.text()) ?? [];
    expect(access.tokens.find(secret)).toMatchObject({ capabilities: ["status.read"] });
    const page = await (await get("/tokens")).text();
    expect(page).not.toContain(secret);
    const [, id = ""] = /action="\/tokens\/([\w-]+)\/revoke"/.exec(page) ?? [];
    await post(`/tokens/${id}/revoke`, { form });
    expect(access.tokens.find(secret)).toBeUndefined();
    expect(results(access)).toEqual(
      ["begun", "done", "begun", "done"].map((result) => ["token.manage", result]),
    );
    expect((await post("/tokens", { name: "x", days: "7", "can.status.read": "yes" })).status).toBe(403);
    const bad = await post("/tokens", { form, name: "x", days: "7" });
    expect(await bad.text()).toContain("a token needs at least one capability");
  });

  test("a POST of the API needs a token, also in a session of an admin", async () => {
    const { app, sessions, orders } = await centre();
    const token = sessions.start(ownerIdentity("ada"), 60);
    const answer = await app.request(`http://${HOST}/api/v1/acts`, {
      method: "POST",
      headers: { host: HOST, cookie: `pantheros-centre=${token}`, "content-type": "application/json" },
      body: JSON.stringify(bodyOf("run.preview")),
    });
    expect(answer.status).toBe(403);
    await settle();
    expect(orders).toEqual([]);
  });

  test.each([
    ["{", 400],
    [{}, 400],
    [{ act: "run.up", reason: "" }, 400],
    [{ act: "reboot", reason: "x" }, 400],
  ])("a body like %j is answered with a problem document", async (body, status) => {
    const { api, secret } = await make(1, ["status.read", "run.up"]);
    const answer = await api("/acts", secret, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });
});

test("a reason is one line without control characters", async () => {
  const { post, fieldsOf, access } = await centre();
  await post("/acts", { ...fieldsOf("run.preview"), reason: " two\u001b[31m\nlines \u202e" });
  expect(access.audit.read({ limit: 1 })).toMatchObject([{ reason: "two lines" }]);
  expect((await post("/acts", { ...fieldsOf("run.preview"), reason: "\u0007\u0007" })).status).toBe(422);
});

test("a unit's journal is text, and only of a unit", async () => {
  const { get } = await centre();
  const page = await (await get("/hosts/web/journal?unit=hello.service")).text();
  expect(page).toContain("a line of hello.service &lt;script&gt;");
  expect(page).not.toContain("\u0007");
  expect((await get("/hosts/web/journal?unit=--directory%3D/etc")).status).toBe(422);
  expect((await get("/hosts/nobody/journal?unit=hello.service")).status).toBe(404);
});
