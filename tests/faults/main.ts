/**
 * Runs the table, or a part of it: `tools/with node tests/faults/main.ts [operation] [trouble] [n]`,
 * each a regular expression. Prints a line for each case, and what was wrong. PANTHEROS_FAULTS_SAMPLE:
 * number of cases of each operation (all).
 */
import { availableParallelism } from "node:os";
import { OPERATIONS } from "./operations.ts";
import { allCases, forget, rehearseAll, runCases, sampleOf } from "./table.ts";

const USAGE = `tools/with node tests/faults/main.ts [OPERATION] [TROUBLE] [N]: each a regular expression
Operations: ${OPERATIONS.map(({ name }) => name).join(", ")}
PANTHEROS_FAULTS_SAMPLE   number of cases of each operation; all by default`;
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
const cases = rehearsed.flatMap((each) => {
  const wanted = allCases(each).filter(
    (one) => matches(trouble, one.trouble.name) && matches(n, String(one.n)),
  );
  return sampleOf(wanted, SAMPLE, SEED);
});
if (cases.length === 0) {
  console.error(`no case matches\n${USAGE}`);
  process.exit(2);
}
console.log(`${rehearsed.length} operations, ${cases.length} cases`);
const verdicts = await runCases(cases, AT_ONCE, ({ name, hit, remedied, code, problems, seconds }) => {
  const end =
    problems.length === 0 ? (hit === undefined ? "not reached" : remedied ? "remedied" : "passed") : "BAD";
  console.log(`${end}: ${name} (${hit ?? "nothing hit"}; exit ${code}; ${seconds.toFixed(0)} s)`);
  for (const problem of shortened(problems)) console.log(problem.replaceAll(/^/gm, "    "));
});
forget(rehearsed);
const bad = verdicts.filter(({ problems }) => problems.length > 0);
const reached = verdicts.filter(({ hit }) => hit !== undefined);
console.log(
  `${reached.filter(({ remedied }) => remedied).length} passed after the remedy that the run named`,
);
console.log(`${reached.length} cases, ${bad.length} did not end well`);
process.exit(bad.length === 0 ? 0 : 1);
