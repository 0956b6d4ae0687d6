/** The recorder as a process beside the Pulumi CLI, whose place another process has here. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runsDirectory } from "../../../runs/files.ts";
import { readRuns } from "../../../runs/read.ts";
import { engine, logOf, PLANTED } from "./fixtures.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-record-"));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(scratch, { recursive: true }));

let count = 0;
function record(env: NodeJS.ProcessEnv = {}) {
  count += 1;
  const state = path.join(scratch, `state-${count}`);
  const file = path.join(scratch, `log-${count}`);
  const log = openSync(file, "w+", 0o600);
  rmSync(file);
  const cli = spawn("sleep", ["1000"]);
  const recorder = spawn(process.execPath, ["runs/main.ts", String(cli.pid), "up", "production"], {
    stdio: [log, "ignore", "pipe"],
    env: { PATH: process.env["PATH"], PANTHEROS_STATE_DIR: state, PANTHEROS_ROOT: process.cwd(), ...env },
  });
  started.push(cli, recorder);
  let errors = "";
  recorder.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    errors += chunk;
  });
  const directory = runsDirectory(state, "production");
  return {
    state,
    directory,
    cli,
    recorder,
    errors: () => errors,
    write: (text: string) => writeSync(log, text, null),
    run: () => readRuns(directory, 10)[0],
    /** Until the recorder has written what `isThere` looks for. */
    until: async (isThere: () => boolean) => {
      while (!isThere() && recorder.exitCode === null) await new Promise((resume) => setTimeout(resume, 20));
      expect([isThere(), errors]).toEqual([true, ""]);
    },
  };
}

const begun = logOf([engine.prelude, engine.debug, engine.message("warning", `warns of ${PLANTED}`)]);

test("a run goes on while the CLI runs, and has its result after it; only its owner can read the file", async () => {
  const { write, until, run, cli, recorder, directory, state } = record({ VENDOR_TOKEN: PLANTED });
  write(begun);
  await until(() => run()?.warnings.length === 1);
  expect(run()).toMatchObject({ state: "running", command: "up", stack: "production" });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const [name = ""] = readdirSync(directory);
  expect(statSync(path.join(directory, name)).mode & 0o777).toBe(0o600);
  write(`${JSON.stringify({ sequence: 3, timestamp: 1767225603, ...engine.summary("succeeded") })}\n`);
  cli.kill();
  await once(recorder, "close");
  expect(run()).toMatchObject({ state: "succeeded", warnings: ["warns of [secret]"] });
  expect(readFileSync(path.join(directory, name), "utf8")).not.toContain(PLANTED);
  // Nothing else is left, and so no log.
  expect(readdirSync(state, { recursive: true }).sort()).toEqual(
    ["runs", "runs/production", `runs/production/${name}`].sort(),
  );
});

test("Ctrl-C is for the CLI: the recorder writes how it ends", async () => {
  const { write, until, run, cli, recorder } = record();
  write(begun);
  await until(() => run() !== undefined);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) recorder.kill(signal);
  write(`${JSON.stringify({ sequence: 3, timestamp: 1767225603, ...engine.interrupt })}\n`);
  await until(() => run()?.state === "running");
  cli.kill("SIGINT");
  await once(recorder, "close");
  expect(run()?.state).toBe("interrupted");
  expect(recorder.exitCode).toBe(0);
});

test("a run is interrupted when the CLI is killed, also when the recorder is killed with it", async () => {
  const first = record();
  first.write(begun);
  await first.until(() => first.run() !== undefined);
  first.cli.kill("SIGKILL");
  await once(first.recorder, "close");
  expect(first.run()?.state).toBe("interrupted");

  const second = record();
  second.write(begun);
  await second.until(() => second.run() !== undefined);
  second.recorder.kill("SIGKILL");
  await once(second.recorder, "close");
  // The CLI still runs.
  expect(second.run()?.state).toBe("running");
  second.cli.kill("SIGKILL");
  await once(second.cli, "close");
  expect(second.run()?.state).toBe("interrupted");
});

test("a control centre that cannot be told is a warning, and the run is recorded", async () => {
  const { write, run, cli, recorder, errors } = record({ PANTHEROS_CENTRE: "https://127.0.0.1:1" });
  write(begun);
  while (errors() === "") await new Promise((resume) => setTimeout(resume, 20));
  cli.kill();
  await once(recorder, "close");
  expect(errors()).toBe(
    "warning: this run is not reported: PANTHEROS_CENTRE_TOKEN_FILE is not set: it names the file of a token that has run.report\n",
  );
  expect(run()?.state).toBe("interrupted");
});

test("trouble is a warning", async () => {
  const { write, recorder, errors } = record({ PANTHEROS_STATE_DIR: "/dev/null/state" });
  write(begun);
  await once(recorder, "close");
  expect(recorder.exitCode).toBe(0);
  expect(errors()).toMatch(/^warning: this run is not recorded: .*\/dev\/null\/state/);
});
