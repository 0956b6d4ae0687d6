import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProcess, trackedRunner } from "../../../deployer/process/runner.ts";

const sh = (
  script: string,
  more: { input?: string; timeoutSeconds?: number; env?: Record<string, string> } = {},
) => runProcess({ argv: ["/bin/sh", "-c", script], timeoutSeconds: 60, ...more });

/** An ended process may stay as a zombie until its parent waits for it. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("output, exit status, environment and input", async () => {
  const ran = await sh('cat; echo "$X" >&2; exit 3', { input: "in", env: { X: "err" } });
  expect(ran).toEqual({ exitCode: 3, timedOut: false, stdout: "in", stderr: "err\n" });
});

test("the time limit ends the command's children too", async () => {
  const ran = await sh("sleep 1000 & echo $!; wait", { timeoutSeconds: 1 });
  expect(ran).toMatchObject({ exitCode: null, timedOut: true });
  // The pipes close shortly before the process has ended.
  for (const end = Date.now() + 60_000; alive(Number(ran.stdout)) && Date.now() < end; )
    await new Promise((resume) => setTimeout(resume, 10));
  expect(alive(Number(ran.stdout))).toBe(false);
});

test("a missing program is a failure, not a crash", async () => {
  const ran = await runProcess({ argv: ["/nonexistent/program"], timeoutSeconds: 5 });
  expect(ran).toMatchObject({ exitCode: null, timedOut: false, stderr: expect.stringContaining("ENOENT") });
});

test("a failure's stderr has the log's new lines once; those of successes are kept for it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "runner-"));
  const log = join(directory, "log");
  const failing = (script: string) => runProcess({ argv: ["sh", "-c", script], log, timeoutSeconds: 20 });
  expect((await failing("echo own >&2; exit 1")).stderr).toBe("own\n");
  const write = `echo more >>'${log}'`;
  expect((await failing(write)).stderr).toBe("");
  expect((await failing(`${write}; echo own >&2; exit 1`)).stderr).toBe("own\nmore\nmore\n");
  expect((await failing("exit 1")).stderr).toBe("");
  rmSync(directory, { recursive: true });
});

test("of long output the end is kept", async () => {
  const ran = await sh("head -c 3000000 /dev/zero | tr '\\0' x; echo end");
  expect(ran.stdout.length).toBeLessThan(300_000);
  expect(ran.stdout.endsWith("end\n")).toBe(true);
});

test("input that the command does not read is no error", async () => {
  expect(await sh("exit 0", { input: "x".repeat(1_000_000) })).toMatchObject({ exitCode: 0 });
});

test("a command starts after its process group was registered, so that a kill in between leaves nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "runner-"));
  const begun = join(directory, "begun");
  const observed: boolean[] = [];
  const run = trackedRunner((group) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); // time enough to start wrongly
    observed.push(existsSync(begun), alive(group));
    return () => observed.push(alive(group));
  });
  const script = 'touch "$1"; cat';
  const ran = await run({ argv: ["sh", "-c", script, "sh", begun], input: "in", timeoutSeconds: 60 });
  expect(ran).toMatchObject({ exitCode: 0, stdout: "in" });
  expect([observed, existsSync(begun)]).toEqual([[false, true, false], true]);
  const missing = await run({ argv: ["/nonexistent/program"], timeoutSeconds: 5 });
  expect(missing).toMatchObject({ exitCode: 127, stderr: expect.stringContaining("not found") });
  rmSync(directory, { recursive: true });
});
