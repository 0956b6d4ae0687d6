/**
 * Runs the table, or a part of it: `tools/with node tests/faults/main.ts [operation] [trouble] [n]`,
 * each a regular expression. Prints a line for each case, and what was wrong. PANTHEROS_FAULTS_SAMPLE:
 * number of cases of each operation (all). PANTHEROS_FAULTS_PASSED: a file that names the cases that passed. A later
 * run skips them, because the whole table takes hours.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { caseName } from "./cases.ts";
import { OPERATIONS } from "./operations.ts";
import { allCases, forget, rehearseAll, runCases, sampleOf } from "./table.ts";

const USAGE = `tools/with node tests/faults/main.ts [OPERATION] [TROUBLE] [N]: each a regular expression
Operations: ${OPERATIONS.map(({ name }) => name).join(", ")}
PANTHEROS_FAULTS_SAMPLE   number of cases of each operation; all by default
PANTHEROS_FAULTS_PASSED   file of the cases that passed: they are skipped, and new ones are added; for one commit`;
if (process.argv.includes("--help")) {
  console.log(USAGE);
  process.exit(0);
}

const AT_ONCE = Number(process.env["PANTHEROS_FAULTS_AT_ONCE"] ?? Math.min(2, availableParallelism()));
const [operation = "", trouble = "", n = ""] = process.argv.slice(2).map((word) => new RegExp(word));
const matches = (pattern: RegExp | "", text: string) => pattern === "" || pattern.test(text);

/** After a run that failed early, everything is missing. */
const MOST = 12;
const shortened = (lines: readonly string[]): readonly string[] =>
  lines.length <= MOST ? lines : [...lines.slice(0, MOST), `and ${lines.length - MOST} more`];

const rehearsed = await rehearseAll(
  OPERATIONS.filter(({ name }) => matches(operation, name)),
  AT_ONCE,
  ({ name }, error) => console.log(`BAD: ${name}, undisturbed: ${String(error)}`),
);
const SAMPLE = Number(process.env["PANTHEROS_FAULTS_SAMPLE"] ?? Infinity);
const SEED = Number(process.env["PANTHEROS_SEED"] ?? 1);
const PASSED = process.env["PANTHEROS_FAULTS_PASSED"];
const passed = new Set(
  PASSED !== undefined && existsSync(PASSED) ? readFileSync(PASSED, "utf8").split("\n") : [],
);
const wanted = rehearsed.flatMap((each) =>
  sampleOf(
    allCases(each).filter((one) => matches(trouble, one.trouble.name) && matches(n, String(one.n))),
    SAMPLE,
    SEED,
  ),
);
if (wanted.length === 0) {
  forget(rehearsed);
  console.error(`no case matches\n${USAGE}`);
  process.exit(2);
}
const cases = wanted.filter((one) => !passed.has(caseName(one)));
console.log(`${rehearsed.length} operations, ${wanted.length} cases, ${cases.length} to run`);
const verdicts = await runCases(cases, AT_ONCE, ({ name, hit, remedied, code, problems, seconds }) => {
  const end =
    problems.length === 0 ? (hit === undefined ? "not reached" : remedied ? "remedied" : "passed") : "BAD";
  console.log(`${end}: ${name} (${hit ?? "nothing hit"}; exit ${code}; ${seconds.toFixed(0)} s)`);
  for (const problem of shortened(problems)) console.log(problem.replaceAll(/^/gm, "    "));
  if (PASSED !== undefined && problems.length === 0) appendFileSync(PASSED, `${name}\n`);
});
forget(rehearsed);
const bad = verdicts.filter(({ problems }) => problems.length > 0);
const reached = verdicts.filter(({ hit }) => hit !== undefined);
console.log(
  `${reached.filter(({ remedied }) => remedied).length} passed after the remedy that the run named`,
);
console.log(`${reached.length} cases, ${bad.length} did not end well`);
process.exit(bad.length === 0 ? 0 : 1);
