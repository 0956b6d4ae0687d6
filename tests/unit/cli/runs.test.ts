/** `tools/pantheros runs`: the list, one run, and which run a word stands for. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runId } from "../../../cli/runs/runs.ts";
import type { RunEvent } from "../../../runs/contract.ts";
import { RunWriter, runsDirectory } from "../../../runs/files.ts";
import { newSystem } from "../deployer/fixtures.ts";

const OLD = "20260130T120000Z-00000000";
const NEW = "20260131T120000Z-aaaaaaaa";
const at = "2026-01-31T12:00:00Z";

let directory = "";
function record(id: string, events: readonly RunEvent[]): void {
  const writer = new RunWriter(runsDirectory(directory, "dev"), id);
  writer.write(events);
  writer.close();
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-runs-"));
  const start = { type: "start", schemaVersion: 1, stack: "dev", by: "me", commit: "a".repeat(40) } as const;
  record(OLD, [
    { ...start, id: OLD, at: "2026-01-30T12:00:00Z", command: "preview" },
    { type: "end", at, result: "succeeded", seconds: 3.2 },
  ]);
  record(NEW, [
    { ...start, id: NEW, at, command: "up", on: "web,db" },
    {
      type: "hosts",
      at,
      hosts: [
        { name: "db", wave: 1, required: true },
        { name: "old", wave: 1, required: true, selected: false },
        { name: "web", wave: 2, required: true },
      ],
    },
    { type: "phase", at, host: "db", phase: "activate" },
    {
      type: "result",
      at,
      host: "db",
      outcome: "rolled-back",
      changed: true,
      ...{ step: "health", reason: "first\nhello: status 500\u001b[2J", closure: newSystem },
      seconds: { activate: 3, confirm: 1.5 },
    },
    { type: "phase", at, host: "web", phase: "copy" },
    { type: "message", at, severity: "error", text: "the run failed" },
    { type: "end", at, result: "failed", seconds: 75.4, counts: { replaced: 2 } },
  ]);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function call(...words: string[]) {
  const options = ["--stack", "dev", "--state-directory", directory];
  const { status, stdout, stderr } = spawnSync("tools/pantheros", ["runs", ...options, ...words], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("the newest run is first", () => {
  expect(call()).toEqual({
    status: 0,
    stderr: "",
    stdout: `RUN                        STARTED (UTC)        COMMAND         STATE      TOOK        HOSTS          BY  COMMIT
20260131T120000Z-aaaaaaaa  2026-01-31 12:00:00  up --on web,db  failed     1 min 15 s  1 rolled-back  me  aaaaaaaaaaaa
20260130T120000Z-00000000  2026-01-30 12:00:00  preview         succeeded  3 s                        me  aaaaaaaaaaaa
`,
  });
});

test("one run: each host with its result or its step, and the errors, without control characters", () => {
  expect(call("last").stdout).toBe(`20260131T120000Z-aaaaaaaa: up --on web,db: failed
started 2026-01-31 12:00:00 UTC, took 1 min 15 s, by me, commit aaaaaaaaaaaa
resources: 2 replaced

HOST  WAVE  STATE         STEP    RUNS      TOOK  REASON
db    1     rolled-back   health  bbbbbbbb  5 s   hello: status 500
old   1     not selected
web   2     copy

error: the run failed
`);
});

test("--json has the whole run, and --lines the number of the list", () => {
  expect(JSON.parse(call("20260131", "--json").stdout)).toMatchObject({
    schemaVersion: 1,
    id: NEW,
    state: "failed",
    hosts: [{ name: "db", outcome: "rolled-back" }, { name: "old", selected: false }, { name: "web" }],
  });
  const { runs } = JSON.parse(call("--json", "--lines", "1").stdout) as { runs: { id: string }[] };
  expect(runs.map(({ id }) => id)).toEqual([NEW]);
});

test("the sandbox's runs are in its own directory, also while it is not running", () => {
  const sandbox = path.join(directory, "sandbox");
  const writer = new RunWriter(runsDirectory(path.join(sandbox, "state"), "sandbox"), OLD);
  writer.write([{ type: "start", schemaVersion: 1, id: OLD, at, stack: "sandbox", command: "up" }]);
  writer.close();
  const { status, stdout } = spawnSync("tools/pantheros", ["runs", "--json"], {
    encoding: "utf8",
    env: { ...process.env, PANTHEROS_SANDBOX_DIR: sandbox, PULUMI_STACK: "" },
  });
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ stack: "sandbox", runs: [{ id: OLD }] });
});

test("a stack without runs", () => {
  const { status, stdout } = spawnSync(
    "tools/pantheros",
    ["runs", "--stack", "none", "--state-directory", directory],
    { encoding: "utf8" },
  );
  expect([status, stdout]).toEqual([0, "no run of this stack was recorded here\n"]);
});

describe("a word for a run", () => {
  test.each([
    ["last", NEW],
    ["20260130", OLD],
    [NEW, NEW],
  ])("%s", (word, expected) => expect(runId(word, [NEW, OLD])).toBe(expected));

  test.each([
    ["202601", "is the start of 2 runs"],
    ["20270101", `the newest is ${NEW}`],
    ["20260131T120000Z-aaaaaaab", `did you mean ${NEW}?`],
  ])("%s is refused", (word, message) => expect(() => runId(word, [NEW, OLD])).toThrow(message));
});
