/** Past runs: from files to the database, the pages and the API. */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { RunHistory } from "../../../centre/runs/history.ts";
import type { Database } from "../../../centre/store/database.ts";
import type { RunEvent } from "../../../runs/contract.ts";
import { runFile } from "../../../runs/files.ts";
import { runProcess } from "../../../runs/process.ts";
import { startOf } from "../runs/fixtures.ts";
import { hostOf, testDatabase, testDirectory } from "./fixtures.ts";

const parent = testDirectory();
let count = 0;
let directory: string;
let database: Database;
beforeEach(() => {
  count += 1;
  directory = path.join(parent, String(count));
  mkdirSync(directory);
  database = testDatabase();
});

const NOW = Date.parse("2026-03-01T00:00:00Z");
const open = (from = database) => new RunHistory({ database: from, directory, now: () => NOW });
const day = (number: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString();
const idOf = (number: number) => `${day(number).replace(/[-:]|\.\d+/g, "")}-00000001`;

const result = (host: string, at: string, more: object = {}): RunEvent =>
  ({
    type: "result",
    at,
    host,
    outcome: "confirmed",
    changed: true,
    closure: "/nix/store/x",
    ...more,
  }) as RunEvent;
const lines = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join("");

/** A run `number` seconds after the year's begin, of web. */
function writeRun(
  number: number,
  { start = {}, events = [result("web", day(number))] as RunEvent[], result: how = "succeeded" } = {},
) {
  const id = idOf(number);
  const all = [
    startOf(id, { at: day(number), ...start }),
    ...events,
    { type: "end", at: day(number + 60), result: how },
  ];
  writeFileSync(runFile(directory, id), lines(all));
  return id;
}

test("runs are listed page by page, the newest first, and by command", async () => {
  const ids = Array.from({ length: 7 }, (_, at) =>
    writeRun(at * 100, { start: { command: at % 2 === 0 ? "up" : "preview" } }),
  ).reverse();
  const history = open();
  await history.read();
  const first = history.list({ limit: 3 });
  expect(first.runs.map(({ id }) => id)).toEqual(ids.slice(0, 3));
  const second = history.list({ limit: 3, before: first.next });
  const third = history.list({ limit: 3, before: second.next });
  expect([...second.runs, ...third.runs].map(({ id }) => id)).toEqual(ids.slice(3));
  expect(third.next).toBeUndefined();
  expect(history.list({ limit: 9, command: "preview" }).runs.map(({ command }) => command)).toEqual([
    "preview",
    "preview",
    "preview",
  ]);
});

test("a run that goes on is followed, and is in the database when it has ended", async () => {
  const id = idOf(1);
  const file = runFile(directory, id);
  writeFileSync(file, lines([startOf(id, { process: runProcess(process.pid) })]));
  const history = open();
  const heard: number[] = [];
  history.subscribe((revision) => heard.push(revision));
  await history.read();
  expect(history.get(id)).toMatchObject({ state: "running", hosts: [] });
  const text = lines([{ type: "phase", at: day(2), host: "web", phase: "copy" }]);
  appendFileSync(file, text.slice(0, 20));
  await history.read();
  appendFileSync(file, text.slice(20));
  await history.read();
  expect(history.get(id)?.hosts).toMatchObject([{ name: "web", phases: [{ phase: "copy" }] }]);
  expect(database.all("SELECT id FROM run")).toEqual([]);
  const before = heard.length;
  await history.read();
  // Nothing has changed.
  expect(heard).toHaveLength(before);
  appendFileSync(file, lines([{ type: "end", at: day(3), result: "failed" }]));
  await history.read();
  expect(heard.length).toBeGreaterThan(before);
  expect(database.all("SELECT id, state FROM run")).toEqual([{ id, state: "failed" }]);
  expect(history.list({ limit: 5 }).runs).toHaveLength(1);
});

test("after the database is lost, runs and deploys are there again", async () => {
  for (let at = 0; at < 45; at += 1) writeRun(at * 1000);
  const history = open();
  await history.read();
  const runs = history.list({ limit: 100 });
  const deploys = history.deploys("web", { limit: 100 });
  expect([runs.runs.length, deploys.deploys.length]).toEqual([45, 45]);
  const again = open(testDatabase());
  expect(again.list({ limit: 100 }).runs).toEqual([]);
  await again.read();
  expect(again.list({ limit: 100 })).toEqual(runs);
  expect(again.deploys("web", { limit: 100 })).toEqual(deploys);
  expect(again.get(idOf(0))).toEqual(history.get(idOf(0)));
});

test("runs stay after their files are removed, until there are too many", async () => {
  const id = writeRun(1);
  const history = open();
  await history.read();
  rmSync(runFile(directory, id));
  await history.read();
  expect(history.get(id)?.state).toBe("succeeded");
  // A later start has only the database.
  expect(open().list({ limit: 5 }).runs).toHaveLength(1);
});

test("a host's deploys come page by page with their reasons; previews and hosts without a change are none", async () => {
  writeRun(0, { events: [result("web", day(1)), result("db", day(2), { changed: false })] });
  writeRun(1000, {
    events: [
      result("web", day(1001), { outcome: "rolled-back", step: "health", reason: "hello: status 500" }),
    ],
    result: "failed",
  });
  writeRun(2000, { start: { command: "preview" }, events: [result("web", day(2001))] });
  const history = open();
  await history.read();
  expect(history.deploys("db", { limit: 5 })).toEqual({ deploys: [] });
  const first = history.deploys("web", { limit: 1 });
  expect(first).toMatchObject({
    deploys: [
      { run: idOf(1000), outcome: "rolled-back", step: "health", reason: "hello: status 500", by: "ann" },
    ],
    next: day(1001),
  });
  expect(history.deploys("web", { limit: 1, before: first.next })).toMatchObject({
    deploys: [{ run: idOf(0), outcome: "confirmed" }],
  });
});

describe("deploys that hosts report", () => {
  const reported = (at: string) => ({
    ...hostOf({ name: "web" }),
    deployed: { at, by: "a pipeline", commit: "abc", dirty: false },
  });

  test("are of runs made elsewhere, and are added once", async () => {
    const history = open();
    for (const at of [day(0), day(0), day(5000)]) history.addReported([reported(at)]);
    expect(history.deploys("web", { limit: 5 }).deploys).toEqual([
      { at: day(5000), outcome: "confirmed", by: "a pipeline", commit: "abc", dirty: false },
      { at: day(0), outcome: "confirmed", by: "a pipeline", commit: "abc", dirty: false },
    ]);
    history.addReported([reported("no time")]);
    expect(history.deploys("web", { limit: 5 }).deploys).toHaveLength(2);
  });

  test("are those of a recorded run when both are close, whichever came first", async () => {
    const history = open();
    history.addReported([reported(day(3))]);
    writeRun(0);
    await history.read();
    history.addReported([reported(day(3))]);
    expect(history.deploys("web", { limit: 5 }).deploys).toMatchObject([{ run: idOf(0) }]);
  });
});

test("on a full disk runs are shown all the same, the problem is said, and they are written later", async () => {
  const history = open();
  await history.read();
  database.get("PRAGMA max_page_count = 1");
  const big = "x".repeat(3500);
  const ids = Array.from({ length: 30 }, (_, at) =>
    writeRun(at, { events: [result("web", day(at), { reason: big })] }),
  );
  await history.read();
  expect(history.problem).toMatch(/cannot be written.*full/);
  expect(history.list({ limit: 50 }).runs).toHaveLength(30);
  expect(history.get(ids[29] ?? "")?.hosts).toHaveLength(1);
  database.get("PRAGMA max_page_count = 100000");
  await history.read();
  expect(history.problem).toBeUndefined();
  expect(database.get("SELECT count(*) AS n FROM run")).toEqual({ n: 30 });
  expect(history.list({ limit: 50 }).runs).toHaveLength(30);
});

test("among 10,000 runs a page reads only its own rows", () => {
  database.write(() => {
    const summary = JSON.stringify({ id: "x", outcomes: {} });
    for (let at = 0; at < 10_000; at += 1) {
      database.run("INSERT INTO run VALUES (?, 'up', 'failed', ?, ?)", idOf(at), summary, summary);
      database.run(
        "INSERT INTO deploy (host, at, run) VALUES (?, ?, ?)",
        `host-${at % 100}`,
        day(at),
        idOf(at),
      );
    }
  });
  const history = open();
  expect(history.list({ limit: 50 }).runs).toHaveLength(50);
  expect(history.deploys("host-7", { limit: 20 }).deploys).toHaveLength(20);
  const plan = (sql: string, ...values: string[]) =>
    database.all(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => String(detail));
  for (const steps of [
    plan("SELECT summary FROM run WHERE id < ? ORDER BY id DESC LIMIT 50", "~"),
    plan("SELECT summary FROM run WHERE id < ? AND command = ? ORDER BY id DESC LIMIT 50", "~", "up"),
    plan("SELECT * FROM deploy WHERE host = ? AND at < ? ORDER BY at DESC LIMIT 20", "web", "~"),
  ]) {
    expect(steps.join("; ")).toMatch(/^SEARCH/);
    expect(steps.join("; ")).not.toContain("TEMP B-TREE");
  }
});
