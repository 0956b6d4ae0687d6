/**
 * Runs the tests: `node tools/testing/main.ts [unit|sandbox|failures] [paths] [jest options]`. Unit, property and conformance tests run
 * in parallel; then the sandbox tests (with the failures), as root on a machine that can carry a sandbox. The last line is
 * always `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { ensureImage } from "../../sandbox/image/build.ts";
import { imageOptions } from "../../sandbox/machines/context.ts";
import { detectCapabilities, sandboxObstacles } from "../toolchain/prerequisites.ts";
import { type Counts, closingLine, countsOf, sum } from "./counts.ts";

// At least two workers: a test that kills its process must not take the others along.
const WORKERS = Math.max(2, availableParallelism());
const UNIT = {
  name: "unit, property and conformance tests, and the faults at every step",
  folders: ["unit", "property", "conformance", "faults"],
  flags: [`--maxWorkers=${WORKERS}`],
};
/**
 * Each file has a sandbox of its own. Two at a time: much of their time they wait for a host, a window or a boot, and three
 * would only wait for each other's share of a small machine.
 */
const SANDBOX = { name: "sandbox tests", folders: ["sandbox", "failures"], flags: ["--maxWorkers=2"] };
/** Only the table of what can go wrong in a deploy. */
const FAILURES = { name: "failure rehearsals", folders: ["failures"], flags: SANDBOX.flags };
type Group = {
  readonly name: string;
  readonly folders: readonly string[];
  readonly flags: readonly string[];
};

const root = path.join(import.meta.dirname, "../..");
const [first, ...rest] = process.argv.slice(2);
const only = first === "unit" || first === "sandbox" || first === "failures" ? first : undefined;
const jestArguments = only === undefined ? process.argv.slice(2) : rest;

const results: Counts[] = [];
const notes: string[] = [];
if (only === undefined || only === "unit") results.push(await runGroup(UNIT));
if (only !== "unit") {
  const obstacles = sandboxObstacles(detectCapabilities());
  if (obstacles.length > 0 && only === undefined) {
    notes.push(`sandbox tests skipped: ${obstacles.join("; ")}`);
  } else {
    const problem = obstacles.length > 0 ? obstacles.join("; ") : await imageProblem();
    if (problem === undefined) results.push(await runGroup(only === "failures" ? FAILURES : SANDBOX));
    else {
      notes.push(`sandbox tests cannot run: ${problem}`);
      results.push({ passed: 0, failed: 1, skipped: 0 });
    }
  }
}
const total = sum(results);
if (total.skipped > 0) notes.push(`${total.skipped} tests skipped by themselves`);
for (const remark of notes) console.log(remark);
console.log(closingLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;

/** The machines' image is made before the limits of the tests run, and once for those that run side by side. What stood in the way. */
async function imageProblem(): Promise<string | undefined> {
  const progress = (message: string) => console.log(`test: ${message}`);
  try {
    await ensureImage({ ...imageOptions(root), progress });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

async function runGroup({ name, folders, flags }: Group): Promise<Counts> {
  const present = folders
    .map((folder) => `tests/${folder}`)
    .filter((folder) => existsSync(path.join(root, folder)));
  if (present.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  console.log(`test: ${name}`);
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-test-"));
  const counts = path.join(scratch, "counts.json");
  try {
    const jest = path.join(root, "node_modules/jest/bin/jest.js");
    const reporters = ["--reporters=default", `--reporters=${path.join(root, "tests/reporter.cjs")}`];
    // Paths given by hand take the place of the group's; options that take lists must not stand before paths.
    const paths = jestArguments.some((argument) => !argument.startsWith("-")) ? [] : present;
    const args = [jest, ...paths, ...jestArguments, "--ci", "--passWithNoTests", ...reporters, ...flags];
    const exitCode = await run(args, { ...process.env, PANTHEROS_TEST_COUNTS: counts });
    return countsOf(existsSync(counts) ? readFileSync(counts, "utf8") : undefined, exitCode);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs node with inherited output and passes signals on, so that tests can clean up. */
function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args], {
      cwd: root,
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGTERM", forward).on("SIGINT", forward);
    child.once("exit", (code) => {
      process.off("SIGTERM", forward).off("SIGINT", forward);
      resolve(code ?? 1);
    });
    child.once("error", () => resolve(1));
  });
}
