/**
 * Runs the tests: `node tools/testing/main.ts [GROUP] [paths] [jest options]`, where GROUP is
 * `unit`, `sandbox`, `failures` or `services`. Without a group, first the unit, property,
 * conformance and fault tests; then, as root on a computer that can run a sandbox, the sandbox and
 * failure tests. The last line is always `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { ensureImage } from "../../sandbox/image/build.ts";
import { imageOptions } from "../../sandbox/machines/context.ts";
import { detectCapabilities, sandboxObstacles } from "../toolchain/prerequisites.ts";
import { type Counts, closingLine, countsOf, sum } from "./counts.ts";

// At least two, so that jest uses worker processes: a test that kills its process must not end the others.
const WORKERS = Math.max(2, availableParallelism());
const UNIT = {
  name: "unit, property, conformance and fault tests",
  folders: ["unit", "property", "conformance", "faults"],
  flags: [`--maxWorkers=${WORKERS}`],
};
/**
 * Each file has its own sandbox. Two at a time: they mostly wait for hosts, windows and boots, but three would compete
 * for the processors of a small computer.
 */
const SANDBOX = { name: "sandbox tests", folders: ["sandbox", "failures"], flags: ["--maxWorkers=2"] };
/** Tests of programs that take minutes to build or to run; they run only when this group is named. */
const SERVICES = { name: "tests of built services", folders: ["services"], flags: ["--runInBand"] };
/** Only the tests of failing deploys. */
const FAILURES = { name: "failure tests", folders: ["failures"], flags: SANDBOX.flags };
type Group = {
  readonly name: string;
  readonly folders: readonly string[];
  readonly flags: readonly string[];
};

const root = path.join(import.meta.dirname, "../..");
const [first, ...rest] = process.argv.slice(2);
const only =
  first === "unit" || first === "sandbox" || first === "failures" || first === "services" ? first : undefined;
const jestArguments = only === undefined ? process.argv.slice(2) : rest;

const results: Counts[] = [];
const notes: string[] = [];
if (only === undefined || only === "unit") results.push(await runGroup(UNIT));
if (only === "services") results.push(await runGroup(SERVICES));
if (only !== "unit" && only !== "services") {
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
if (total.skipped > 0) notes.push(`${total.skipped} tests were skipped by their own conditions`);
for (const remark of notes) console.log(remark);
console.log(closingLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;

/** Builds the machines' image once, before the tests' timeouts begin. Returns the error, if any. */
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
    // Paths of the command line replace the group's. Paths come first: some options take lists.
    const paths = jestArguments.some((argument) => !argument.startsWith("-")) ? [] : present;
    const args = [jest, ...paths, ...jestArguments, "--ci", "--passWithNoTests", ...reporters, ...flags];
    const exitCode = await run(args, { ...process.env, PANTHEROS_TEST_COUNTS: counts });
    return countsOf(existsSync(counts) ? readFileSync(counts, "utf8") : undefined, exitCode);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs node with inherited output and forwards signals, so that tests can clean up. */
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
