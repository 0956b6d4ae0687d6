/** The files of runs. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RunEvent } from "../../../runs/contract.ts";
import { listRunIds, newRunId, pruneRuns, RunWriter, runFile } from "../../../runs/files.ts";
import { RunFollower } from "../../../runs/follow.ts";
import { runProcess } from "../../../runs/process.ts";
import { readRun, readRuns } from "../../../runs/read.ts";
import { startOf } from "./fixtures.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-runs-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const idOf = (number: number): string => `20260101T000000Z-${number.toString(16).padStart(8, "0")}`;
const at = "2026-01-01T00:00:01.000Z";
const end: RunEvent = { type: "end", at, result: "succeeded" };
function writeRun(number: number, events: readonly RunEvent[] = [end], more: object = {}): string {
  const id = idOf(number);
  const writer = new RunWriter(directory, id);
  writer.write([startOf(id, more), ...events]);
  writer.close();
  return id;
}

test("ids sort by time and name nothing but a file", () => {
  const first = newRunId(new Date("2026-01-01T00:00:09.999Z"));
  const second = newRunId(new Date("2026-01-01T00:00:10Z"));
  expect(first).toMatch(/^20260101T000009Z-[0-9a-f]{8}$/);
  expect(first < second).toBe(true);
  writeFileSync(path.join(directory, "..%2Fetc.jsonl"), "");
  writeFileSync(path.join(directory, `${first}.txt`), "");
  expect(listRunIds(directory)).toEqual([]);
  expect(readRun(directory, "../../etc/passwd")).toBeUndefined();
  expect(listRunIds(path.join(directory, "missing"))).toEqual([]);
});

test("the newest runs come first, and lines that are none are left out", () => {
  writeRun(1);
  const second = writeRun(2);
  appendFileSync(runFile(directory, second), '{"type":"message","severity":"error","text":"cut of');
  mkdirSync(runFile(directory, idOf(3)));
  writeFileSync(runFile(directory, idOf(4)), "no run\n");
  expect(readRuns(directory, 10).map(({ id, state }) => [id, state])).toEqual([
    [second, "succeeded"],
    [idOf(1), "succeeded"],
  ]);
  expect(readRuns(directory, 1)).toHaveLength(1);
});

test("the oldest runs beyond the number and the size are removed", () => {
  for (const number of [1, 2, 3, 4]) writeRun(number);
  pruneRuns(directory, 3, 1 << 20);
  expect(listRunIds(directory)).toEqual([idOf(4), idOf(3), idOf(2)]);
  pruneRuns(directory, 3, 2 * statSync(runFile(directory, idOf(4))).size);
  expect(listRunIds(directory)).toEqual([idOf(4), idOf(3)]);
  // The newest one stays, however large it is.
  pruneRuns(directory, 3, 1);
  expect(listRunIds(directory)).toEqual([idOf(4)]);
});

test("a file that is too large gets results and the end, and the number of what was left out", () => {
  const id = idOf(1);
  const writer = new RunWriter(directory, id);
  writer.write([startOf(id)]);
  const text = "x".repeat(4000);
  for (let count = 0; count < 3000; count += 1)
    writer.write([{ type: "message", at, severity: "warning", text }]);
  expect(writer.dropped).toBeGreaterThan(500);
  writer.write([
    { type: "result", at, host: "web", outcome: "confirmed", changed: true },
    { type: "end", at, result: "succeeded", dropped: writer.dropped },
  ]);
  writer.close();
  expect(statSync(runFile(directory, id)).size).toBeLessThan(9 * 1024 * 1024);
  expect(readRun(directory, id)).toMatchObject({
    state: "succeeded",
    hosts: [{ outcome: "confirmed" }],
    dropped: writer.dropped,
  });
});

describe("a run without an end", () => {
  const now = Date.parse("2026-01-01T01:00:00Z");
  const touched = (id: string, ago: number) => {
    const time = new Date(now - ago);
    utimesSync(runFile(directory, id), time, time);
    return readRun(directory, id, now)?.state;
  };

  test("goes on while its process runs, whatever the age of its file", () => {
    const id = writeRun(1, [], { process: runProcess(process.pid) });
    expect(touched(id, 3600_000)).toBe("running");
  });

  test("is interrupted when its process is gone, or another has its id", () => {
    const own = runProcess(process.pid);
    const id = writeRun(1, [], { process: { ...own, started: "1" } });
    expect(touched(id, 0)).toBe("interrupted");
    expect(touched(writeRun(2, [], { process: { ...own, pid: 2 ** 22 + 1 } }), 0)).toBe("interrupted");
  });

  test("goes on while its recorder runs, which writes the end after the process has ended", () => {
    const own = runProcess(process.pid);
    const gone = { ...own, started: "1" };
    expect(touched(writeRun(1, [], { process: gone, recorder: own }), 0)).toBe("running");
    expect(touched(writeRun(2, [], { process: gone, recorder: gone }), 0)).toBe("interrupted");
  });

  test("has the end that was written after the last reading", () => {
    const id = writeRun(1, [], { process: { ...runProcess(process.pid), started: "1" } });
    const follower = new RunFollower(directory, id);
    follower.read();
    const end = { type: "end", at: "2026-01-01T00:05:00Z", result: "failed" };
    appendFileSync(runFile(directory, id), `${JSON.stringify(end)}\n`);
    expect(follower.run(now)?.state).toBe("failed");
  });

  test.each([
    ["of another machine", { process: { pid: 1, started: "1", boot: "other" } }],
    ["without a process", {}],
  ])("%s goes on while its file changes", (_, more) => {
    const id = writeRun(1, [], more);
    expect(touched(id, 60_000)).toBe("running");
    expect(touched(id, 180_000)).toBe("interrupted");
    expect(readFileSync(runFile(directory, id), "utf8")).toContain("start");
  });
});
