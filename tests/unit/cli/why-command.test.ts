/** `tools/pantheros why` as a whole: a state in files, and an ssh that answers. */
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
