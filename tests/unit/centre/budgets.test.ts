import {
  activationSeconds,
  type Budgets,
  hostBudgets,
  isOver,
  selfBudgets,
} from "../../../status/budgets.ts";

const budgets: Budgets = { changeSeconds: 15, updateSeconds: 60, memoryMb: 100, recovery: {} };

test("a deploy is measured from its activation to its confirmation, without build and copy", () => {
  expect(activationSeconds({ seconds: { build: 100, copy: 9, activate: 14.06, confirm: 1.3 } })).toBe(15.4);
  expect(activationSeconds({ seconds: { activate: 3 } })).toBe(3);
  expect(activationSeconds({ seconds: { build: 100 } })).toBeUndefined();
  expect(activationSeconds({})).toBeUndefined();
});

test("a deploy is over one limit and within the other", () => {
  const lines = hostBudgets(budgets, { seconds: { activate: 20, confirm: 1 } });
  expect(lines.map((line) => [line.name, line.measured, isOver(line)])).toEqual([
    ["change_seconds", 21, true],
    ["update_seconds", 21, false],
  ]);
});

test("a limit is met when it is reached, and what was not measured is not over it", () => {
  const [line] = selfBudgets(budgets, { memoryMb: 100 });
  expect(line).toMatchObject({ name: "memory_mb", limit: 100, measured: 100 });
  expect(line && isOver(line)).toBe(false);
  expect(selfBudgets(budgets, {}).map((each) => [each.measured, isOver(each)])).toEqual([[undefined, false]]);
});

test("only the limits that the inventory has are listed", () => {
  expect(selfBudgets(budgets, { memoryMb: 1, cpuPercent: 1 }).map(({ name }) => name)).toEqual(["memory_mb"]);
  expect(selfBudgets(undefined, { memoryMb: 1 })).toEqual([]);
  expect(hostBudgets(undefined, { seconds: { activate: 1 } })).toEqual([]);
});
