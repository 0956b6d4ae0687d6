/** Runs that a runner elsewhere reports. */
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { openAccess } from "../../../centre/access/access.ts";
import { ownerIdentity } from "../../../centre/access/identity.ts";
import { Sessions } from "../../../centre/access/sessions.ts";
import { createCentre } from "../../../centre/app.ts";
import { Collector } from "../../../centre/collector.ts";
import { RunHistory } from "../../../centre/runs/history.ts";
import type { Capability } from "../../../inventory/capabilities.ts";
import { runFile } from "../../../runs/files.ts";
import { runProcess } from "../../../runs/process.ts";
import { startOf } from "../runs/fixtures.ts";
import { fleetOf, testDatabase } from "./fixtures.ts";

const ID = "20260101T000000Z-00000001";
const at = "2026-01-01T00:00:01.000Z";
const phase = { type: "phase", at, host: "web", phase: "copy" };
const end = { type: "end", at, result: "succeeded" };

async function centre(capabilities: readonly Capability[] = ["run.report"]) {
  const database = testDatabase();
  const directory = path.join(path.dirname(database.file), "runs/production");
  mkdirSync(directory, { recursive: true });
  const runs = new RunHistory({ database, directory });
  const collector = new Collector(() => Promise.resolve(fleetOf()));
  const access = openAccess({ database, collector });
  const app = createCentre({
    collector,
    sessions: new Sessions(),
    database,
    runs,
    access,
    hosts: () => ["centre"],
  });
  const { secret } = access.tokens.make(
    { name: "pipeline", capabilities: [...capabilities], days: 1 },
    ownerIdentity("ada"),
  );
  const headers = { host: "centre", authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const post = async (from: number, events: readonly unknown[], id = ID) => {
    const answer = await app.request(`http://centre/api/v1/runs/${id}/events`, {
      method: "POST",
      headers,
      body: JSON.stringify({ from, events }),
    });
    const { next, detail } = (await answer.json()) as { next?: number; detail?: string };
    return [answer.status, next ?? detail];
  };
  const get = (address: string) => app.request(`http://centre${address}`, { headers });
  return { runs, directory, post, get };
}

test("a run is followed while its events arrive, and the same events may come again", async () => {
  const { post, runs, directory } = await centre();
  expect(await post(0, [startOf(ID)])).toEqual([200, 1]);
  await runs.read();
  expect(runs.get(ID)).toMatchObject({ state: "running", by: "ann" });
  expect(statSync(runFile(directory, ID)).mode & 0o777).toBe(0o600);
  // The answer was lost.
  expect(await post(0, [startOf(ID), phase])).toEqual([200, 2]);
  expect(await post(1, [phase])).toEqual([200, 2]);
  expect(await post(2, [])).toEqual([200, 2]);
  expect(await post(2, [end])).toEqual([200, 3]);
  expect(await post(2, [end])).toEqual([200, 3]);
  await runs.read();
  expect(runs.get(ID)).toMatchObject({ state: "succeeded", hosts: [{ phases: [{ phase: "copy" }] }] });
});

test("a run that was taken for interrupted goes on when events arrive again", async () => {
  const { post, runs, directory } = await centre();
  const old = new Date(Date.now() - 3600_000);
  writeFileSync(runFile(directory, ID), `${JSON.stringify(startOf(ID))}\n`);
  utimesSync(runFile(directory, ID), old, old);
  await runs.read();
  expect(runs.get(ID)?.state).toBe("interrupted");
  expect(await post(1, [phase])).toEqual([200, 2]);
  await runs.read();
  expect(runs.get(ID)?.state).toBe("running");
  expect(runs.list({ limit: 5 }).runs).toHaveLength(1);
});

test.each<[string, number, readonly object[], [number, RegExp]]>([
  ["events before these are missing", 2, [phase], [409, /event 0 is expected/]],
  ["no start", 0, [phase], [400, /the first event of a run is its start/]],
  ["a start of another run", 0, [startOf("20260101T000000Z-00000002")], [400, /names another run/]],
  ["another stack", 0, [startOf(ID, { stack: "staging" })], [400, /shows the stack production/]],
  ["two starts", 0, [startOf(ID), startOf(ID)], [400, /one start/]],
  ["an event after the end", 0, [startOf(ID), end, phase], [400, /nothing follows/]],
  ["an unknown event", 0, [startOf(ID), { type: "note", text: "x" }], [400, /event 1 is not one of a run/]],
  ["a host that is no name", 0, [startOf(ID), { ...phase, host: "../x" }], [400, /event 1/]],
])("%s: refused, and nothing is kept", async (_, from, events, [status, detail]) => {
  const { post, runs } = await centre();
  expect(await post(from, events)).toEqual([status, expect.stringMatching(detail)]);
  await runs.read();
  expect(runs.list({ limit: 5 }).runs).toEqual([]);
});

test("nothing is added to a run that has ended, or that is recorded here", async () => {
  const { post, directory } = await centre();
  await post(0, [startOf(ID), end]);
  expect(await post(2, [phase])).toEqual([409, "this run has ended"]);
  const own = "20260101T000000Z-00000003";
  writeFileSync(
    runFile(directory, own),
    `${JSON.stringify(startOf(own, { process: runProcess(process.pid) }))}\n`,
  );
  expect(await post(1, [phase], own)).toEqual([409, expect.stringContaining("recorded where")]);
});

test("the process of another machine is not taken for one of this machine", async () => {
  const { post, runs } = await centre();
  await post(0, [startOf(ID, { process: { ...runProcess(process.pid), started: "1" } })]);
  await runs.read();
  expect(runs.get(ID)?.state).toBe("running");
});

test("a token that may only report reports, and sees nothing; one that may only look does not report", async () => {
  const reports = await centre();
  expect((await reports.post(0, [startOf(ID)]))[0]).toBe(200);
  for (const address of [`/api/v1/runs/${ID}`, "/api/v1/runs", "/api/v1/fleet"])
    expect((await reports.get(address)).status).toBe(403);
  const looks = await centre(["status.read"]);
  expect((await looks.post(0, [startOf(ID)]))[0]).toBe(403);
});

test("a disk that is full is said, and the runner can try again", async () => {
  const { post, directory } = await centre();
  rmSync(directory, { recursive: true });
  expect(await post(0, [startOf(ID)])).toEqual([503, expect.stringContaining("cannot be written")]);
  mkdirSync(directory);
  expect(await post(0, [startOf(ID)])).toEqual([200, 1]);
});
