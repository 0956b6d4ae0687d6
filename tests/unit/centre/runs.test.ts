/** The pages and the API of runs. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { openAccess } from "../../../centre/access/access.ts";
import { ownerIdentity } from "../../../centre/access/identity.ts";
import { Sessions } from "../../../centre/access/sessions.ts";
import { NO_ACTOR } from "../../../centre/acts/actor.ts";
import { createCentre } from "../../../centre/app.ts";
import { Collector } from "../../../centre/collector.ts";
import type { RunEvent } from "../../../runs/contract.ts";
import { runFile } from "../../../runs/files.ts";
import { runProcess } from "../../../runs/process.ts";
import { startOf } from "../runs/fixtures.ts";
import { fleetOf, hostOf, testDatabase, testHistory } from "./fixtures.ts";

const HOST = "127.0.0.1:4000";
const ID = "20260101T000000Z-00000001";
const NOW = Date.parse("2026-01-01T00:10:00Z");

async function centre(events: readonly object[] = [], id = ID) {
  const database = testDatabase();
  const runs = testHistory(database);
  mkdirSync(runs.directory);
  if (events.length > 0) writeFileSync(runFile(runs.directory, id), lines(events));
  await runs.read();
  const collector = new Collector(() => Promise.resolve(fleetOf(hostOf({ name: "web" }))));
  await collector.refresh();
  const sessions = new Sessions();
  const access = openAccess({ database, collector, actor: NO_ACTOR });
  const app = createCentre({
    collector,
    sessions,
    database,
    runs,
    access,
    hosts: () => [HOST],
    now: () => NOW,
  });
  const cookie = `pantheros-centre=${sessions.start(ownerIdentity("ada"), 3600)}`;
  const see = (path: string) => app.request(`http://${HOST}${path}`, { headers: { host: HOST, cookie } });
  return {
    runs,
    see,
    text: async (path: string) => (await see(path)).text(),
    add: (more: readonly object[]) => {
      appendFileSync(runFile(runs.directory, id), lines(more));
      return runs.read();
    },
    anonymous: (path: string) => app.request(`http://${HOST}${path}`, { headers: { host: HOST } }),
  };
}

const lines = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join("");
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const hosts: RunEvent = {
  type: "hosts",
  at: at(1),
  hosts: [
    { name: "db", wave: 2, required: true },
    { name: "web", wave: 1, required: true },
  ],
};
const phase = (second: number, name: string): RunEvent => ({
  type: "phase",
  at: at(second),
  host: "web",
  phase: name,
});
const begun = [
  startOf(ID, { process: runProcess(process.pid) }),
  hosts,
  phase(2, "begun"),
  phase(3, "build"),
];
const failed: RunEvent = {
  type: "result",
  at: at(9),
  host: "web",
  outcome: "rolled-back",
  changed: true,
  step: "health",
  reason: "hello: status 500\nexpected 200",
  hint: "read the service's log",
};
const rest = [
  phase(5, "activate"),
  failed,
  { type: "end", at: at(12), result: "failed", counts: { replace: 1, same: 9 } },
];

/** The text of a page without its tags. */
const words = (html: string) => html.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");

test("a run that goes on is shown host by host, phase by phase and wave by wave, then with its reason", async () => {
  const { text, add, runs } = await centre(begun);
  const first = await text(`/runs/${ID}`);
  expect(words(first)).toContain("It goes on now.");
  expect(first).toMatch(/<li aria-current="step">build /);
  expect(words(first)).toMatch(/Wave 1 web activating .*Wave 2 db waits/);
  expect(first).toMatch(new RegExp(`data-revision="${runs.revision}" data-live="/live/runs"`));

  await add([phase(5, "activate")]);
  const second = await text(`/runs/${ID}`);
  expect(second).toMatch(/<li>build <span class="age">2 s<\/span>/);
  expect(second).toMatch(/<li aria-current="step">activate /);
  expect(second).not.toContain(`data-revision="${/data-revision="(\d+)"/.exec(first)?.[1]}"`);

  await add([failed, { type: "end", at: at(12), result: "failed", counts: { replace: 1, same: 9 } }]);
  const last = await text(`/runs/${ID}`);
  expect(last).not.toContain('aria-current="step"');
  expect(last).toContain("<pre>hello: status 500\nexpected 200</pre>");
  expect(words(last)).toContain("It failed. web rolled-back.");
  expect(words(last)).toMatch(/at health hello: status 500 expected 200 read the service's log|at health/);
  expect(words(last)).toMatch(/Took 12 s Changes 1 replace/);
  expect(words(last)).toMatch(/db unchanged/);
});

test("the list shows each run with its result, and leads on", async () => {
  const { text } = await centre([...begun, ...rest]);
  const list = await text("/runs");
  expect(list).toContain(`<a href="/runs/${ID}">up</a>`);
  expect(words(list)).toMatch(/up failed 10 min ago ann 12 s 1 rolled-back 1 replace 0123456789ab/);
  expect(list).toContain('<a href="/runs" aria-current="page">Runs</a>');
  expect(await text("/runs?command=preview")).toContain("No run is recorded here.");
  expect(await text("/runs?command=x%3Cscript%3E&before=../..")).toContain(ID);
});

test("the page of a host has its deploys", async () => {
  const { text } = await centre([...begun, ...rest]);
  const page = await text("/hosts/web");
  expect(words(page)).toMatch(/Deploys so far .*rolled-back at health: hello: status 500 expected 200/);
  expect(page).toContain(`<a href="/runs/${ID}">run</a>`);
});

test("the API has the same", async () => {
  const { see, runs } = await centre([...begun, ...rest]);
  const list = (await (await see("/api/v1/runs?limit=1")).json()) as { readonly runs: readonly object[] };
  expect(list).toEqual({
    runs: [expect.objectContaining({ id: ID, state: "failed", outcomes: { "rolled-back": 1 } })],
  });
  expect(await (await see(`/api/v1/runs/${ID}`)).json()).toEqual(runs.get(ID));
  expect(await (await see("/api/v1/hosts/web/deploys")).json()).toMatchObject({
    deploys: [{ run: ID, outcome: "rolled-back" }],
  });
});

test.each([
  ["/api/v1/runs?limit=0", 400],
  ["/api/v1/runs?before=..%2F..", 400],
  ["/api/v1/runs?command=rm", 400],
  ["/api/v1/runs/..%2F..%2Fetc%2Fpasswd", 404],
  [`/api/v1/runs/${ID}x`, 404],
  ["/runs/constructor", 404],
])("%s gives %d", async (path, status) => {
  const { see } = await centre(begun);
  expect((await see(path)).status).toBe(status);
});

test.each([
  "/runs",
  `/runs/${ID}`,
  "/live/runs",
  "/api/v1/runs",
  `/api/v1/runs/${ID}`,
  "/api/v1/hosts/web/deploys",
])("%s needs a session", async (path) => {
  const { anonymous } = await centre(begun);
  expect((await anonymous(path)).status).toBe(401);
});

test("text of a run's file is shown as text, without control characters, and cut", async () => {
  const hostile = "</code><script>alert(1)</script>\u001b[2J\u202e";
  const { text } = await centre([
    startOf(ID, { by: hostile, on: hostile, stack: hostile }),
    { type: "phase", at: at(1), host: "web", phase: hostile },
    { ...failed, reason: hostile + "x".repeat(10_000_000), step: hostile, hint: hostile, closure: hostile },
    { type: "phase", at: at(1), host: hostile, phase: "copy" },
    { type: "resource", at: at(2), name: hostile, kind: hostile, op: hostile, state: "failed" },
    { type: "message", at: at(3), severity: "error", text: hostile.repeat(10_000) },
    { type: "end", at: at(4), result: "failed", counts: { [hostile]: 1 } },
  ]);
  for (const path of ["/runs", `/runs/${ID}`, "/hosts/web"]) {
    const page = await text(path);
    expect(page).not.toContain("<script>alert");
    for (const control of ["\u001b", "\u202e"]) expect(page).not.toContain(control);
    expect(page.length).toBeLessThan(200_000);
  }
});

test("a change of a run is sent to open pages", async () => {
  const { see, add } = await centre(begun);
  const reader = (await see("/live/runs")).body?.getReader();
  const next = async () => new TextDecoder().decode((await reader?.read())?.value);
  const revision = Number(/data: (\d+)/.exec(await next())?.[1]);
  await add([phase(5, "activate")]);
  expect(await next()).toBe(`event: revision\ndata: ${revision + 1}\n\n`);
  await reader?.cancel();
});
