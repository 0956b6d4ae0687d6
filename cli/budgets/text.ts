/** `pantheros budgets` as text. */
import { table } from "../../lib/table.ts";
import { type BudgetLine, isOver } from "../../status/budgets.ts";
import type { BudgetsAnswer } from "./answer.ts";

/** The limit has the decimals that it was written with, and the measurement one more. */
const amount = (value: number, unit: BudgetLine["unit"], decimals: number): string =>
  `${Number(value.toFixed(decimals))} ${unit}`;

const row = (line: BudgetLine): string[] => [
  line.title,
  line.measured === undefined ? "not measured" : isOver(line) ? "over" : "ok",
  line.measured === undefined ? "-" : amount(line.measured, line.unit, 2),
  amount(line.limit, line.unit, 2),
  line.source,
];

/** A table of limits, with a newline at the end. */
export function budgetsText({ management, deploys }: BudgetsAnswer, width: number | undefined): string {
  const lines = [...deploys, ...management];
  if (lines.length === 0) return "the inventory has no [budgets]\n";
  const rows = [["LIMIT OF", "STATE", "MEASURED", "LIMIT", "WHAT WAS MEASURED"], ...lines.map(row)];
  return table(rows, width)
    .map((line) => `${line}\n`)
    .join("");
}
