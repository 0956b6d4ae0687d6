/** `tools/pantheros budgets`: limits beside measurements. */
import { budgetsOf } from "../../../cli/budgets/answer.ts";
import { budgetsText } from "../../../cli/budgets/text.ts";
import type { FleetFacts } from "../../../status/detail.ts";
import { fleetOf, hostOf } from "../centre/fixtures.ts";
import { FleetOnDisk } from "./fleet-on-disk.ts";

const fleet: FleetFacts = {
  ...fleetOf(
    { ...hostOf({ name: "web" }), seconds: { build: 100, activate: 3, confirm: 1.2 } },
    { ...hostOf({ name: "db" }), seconds: { activate: 19.8, confirm: 0.4 } },
    { ...hostOf({ name: "held" }), seconds: {} },
  ),
  budgets: { commandSeconds: 1, changeSeconds: 15, updateSeconds: 60, memoryMb: 100, recovery: {} },
};

test("the slowest host counts, from its activation on; what was not measured says so", () => {
  const answer = budgetsOf(fleet, 0.61);
  expect(answer.hosts).toEqual([
    { name: "db", seconds: 20.2 },
    { name: "web", seconds: 4.2 },
  ]);
  expect(budgetsText(answer, undefined)).toBe(
    `LIMIT OF                          STATE         MEASURED  LIMIT   WHAT WAS MEASURED
A change of configuration         over          20.2 s    15 s    db, the slowest host: activation and confirmation of the last deploy
An update                         ok            20.2 s    60 s    db, the slowest host: activation and confirmation of the last deploy
A simple command                  ok            0.61 s    1 s     start of this command until it had read the outputs of the last run
Memory of the permanent services  not measured  -         100 MB  make bench measures it
`,
  );
});

test("without [budgets] there is nothing to show", () => {
  const { budgets: _, ...without } = fleet;
  expect(budgetsText(budgetsOf(without, 0.1), undefined)).toBe("the inventory has no [budgets]\n");
});

describe("the command", () => {
  let onDisk: FleetOnDisk;
  afterEach(() => onDisk.remove());

  test("exit code 3 when a limit is exceeded, and no host is asked", () => {
    onDisk = new FleetOnDisk("budgets", { web: { seconds: { activate: 3600, confirm: 1 } } });
    onDisk.withInventory((text) => `${text}\n[budgets]\nchange_seconds = 15\n`);
    const { code, stdout, stderr, asked } = onDisk.call("budgets", "--json");
    expect([code, stderr, asked]).toEqual([3, "", []]);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      deploys: [{ name: "change_seconds", limit: 15, measured: 3601 }],
      hosts: [{ name: "web", seconds: 3601 }],
    });
    expect(onDisk.call("budgets", "--on", "db").code).toBe(0);
  });
});
