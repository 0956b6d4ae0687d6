/** `tools/pantheros why` as a whole: a state in files, and an ssh that answers. */
import { recordedFacts } from "../../../cli/why/why.ts";
import type { Run, RunHost } from "../../../runs/run.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

let fleet: FleetOnDisk;
beforeEach(() => {
  fleet = new FleetOnDisk("why", {
    web: {
      outcome: "rolled-back",
      step: "health",
      reason: "hello: status 500",
      hint: "read the service's log",
    },
  });
});
afterEach(() => fleet.remove());

test("one line, the causes with their hints, the next commands; only this host is asked", () => {
  const { code, stdout, stderr, asked, programs } = fleet.call("why", "web");
  expect(stderr).toBe("");
  expect(stdout).toBe(`web: the last deploy was rolled back at health: hello: status 500

  web  rolled-back  the last deploy was rolled back at health: hello: status 500
                    hint: read the service's log

next:
  tools/pantheros logs web pantheros-activation --stack dev
  tools/pantheros up --on web --stack dev
`);
  expect([code, asked, programs]).toEqual([3, ["web"], ["ssh"]]);
});

test("--json has the same", () => {
  const { code, stdout } = fleet.call("why", "db", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    schemaVersion: 1,
    stack: "dev",
    host: "db",
    state: "ok",
    converged: true,
    causes: [],
    next: [],
  });
});

test("--no-ask connects to no host", () => {
  const { code, asked } = fleet.call("why", "legacy", "--no-ask");
  expect([code, asked]).toEqual([0, []]);
});

test("an unknown host: the nearest one, exit code 2, and nothing is asked", () => {
  expect(fleet.call("why", "wep")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: 'pantheros: unknown host "wep"; did you mean "web"? Hosts are db, legacy, web (of this stack)\n',
    asked: [],
  });
});

describe("what recorded runs say of a host", () => {
  const runOf = (day: number, web: Partial<RunHost> | undefined, more: Partial<Run> = {}): Run => ({
    ...{ id: `run-${day}`, stack: "dev", command: "up", state: "failed" as const },
    startedAt: `2026-01-${day}T08:00:00Z`,
    ...{ counts: {}, outcomes: {}, resources: [], errors: [], warnings: [] },
    hosts: web === undefined ? [] : [{ name: "web", changed: true, phases: [], ...web }],
    ...more,
  });

  test("offline since the first of the newest runs that found it so; runs for other hosts say nothing", () => {
    const runs = [
      runOf(31, { selected: false, outcome: "confirmed" }, { on: "db" }),
      runOf(30, { outcome: "offline" }),
      runOf(29, { outcome: "offline" }),
      runOf(28, { outcome: "confirmed" }),
      runOf(27, { outcome: "offline" }),
    ];
    expect(recordedFacts(runs, "web")).toEqual({
      lastUp: { id: "run-31", on: "db", unselected: ["web"] },
      offlineSince: "2026-01-29T08:00:00Z",
    });
  });

  test("previews, and runs that go on or were declined, do not count", () => {
    const runs = [
      runOf(31, undefined, { command: "preview" }),
      runOf(30, undefined, { state: "running" }),
      runOf(29, undefined, { state: "declined" }),
    ];
    expect(recordedFacts(runs, "web")).toEqual({});
  });
});
