/**
 * Records a run of the Pulumi CLI. `node runs/main.ts PID COMMAND STACK`: tools/pulumi starts it beside the CLI, whose
 * process is PID; standard input is the engine's event log, a file without a name. It writes what runs/contract.ts
 * allows and ends after the CLI. The CLI never waits for it, so its failure is a warning.
 */

import { setPriority } from "node:os";
import path from "node:path";
import { exitCheck } from "../deployer/process/stop.ts";
import { actor } from "../lib/actor.ts";
import { messageOf } from "../lib/message-of.ts";
import { oneLine } from "../lib/sanitize.ts";
import { stateDirectory } from "../lib/state-directory.ts";
import { secretsOf } from "../preview/reduce.ts";
import { readCommit } from "./commit.ts";
import { RUN_COMMANDS } from "./contract.ts";
import { EventLog } from "./event-log.ts";
import { newRunId, pruneRuns, RunWriter, runsDirectory } from "./files.ts";
import { runProcess } from "./process.ts";
import { Recorder } from "./recorder.ts";
import { type Reporter, reporterFrom } from "./report.ts";

/** Milliseconds between two readings of the log. */
const POLL_MS = 150;
/** Readers in another PID namespace see by the file's time that the run goes on. */
const TOUCH_MS = 30_000;
/** Behind everything that deploys. */
const NICE = 10;

const LOG_DESCRIPTOR = 0;

async function main(): Promise<void> {
  setPriority(NICE);
  const [pid = "", given, stack = "sandbox"] = process.argv.slice(2);
  const command = RUN_COMMANDS.find((each) => each === given);
  if (command === undefined) throw new Error(`"${given}" is not recorded`);
  const hasEnded = exitCheck(Number(pid));
  const directory = runsDirectory(stateDirectory(), stack);
  const now = new Date();
  const id = newRunId(now);
  const identity = runProcess(Number(pid));
  const own = runProcess(process.pid);
  const on = process.env["PANTHEROS_ON"];
  const recorder = new Recorder({
    start: {
      type: "start",
      schemaVersion: 1,
      id,
      at: now.toISOString(),
      stack,
      command,
      by: actor(),
      ...(on && { on }),
      ...(await readCommit(process.env["PANTHEROS_ROOT"] ?? path.dirname(import.meta.dirname))),
      ...(identity !== undefined && { process: identity }),
      ...(own !== undefined && { recorder: own }),
    },
    secrets: secretsOf(process.env),
    open: () => {
      const writer = new RunWriter(directory, id);
      pruneRuns(directory);
      return writer;
    },
    kept: (events) => reporter?.add(events),
  });
  const reporter = openReporter(id);
  const log = new EventLog(LOG_DESCRIPTOR);
  let touchedAt = now.getTime();
  for (;;) {
    // Asked before the log is read, so that the last reading has everything.
    const isOver = hasEnded();
    recorder.add(log.read());
    if (isOver) {
      recorder.end(new Date());
      return reporter?.close();
    }
    if (Date.now() - touchedAt >= TOUCH_MS) {
      touchedAt = Date.now();
      recorder.touch(new Date(touchedAt));
      reporter?.touch();
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const warn = (line: string): void => {
  process.stderr.write(`warning: ${line}\n`);
};

/** Undefined when the run is not reported. */
function openReporter(id: string): Reporter | undefined {
  try {
    return reporterFrom(process.env, { id, warn });
  } catch (error) {
    warn(`this run is not reported: ${oneLine(messageOf(error))}`);
    return undefined;
  }
}

// Ctrl-C is for the CLI, which ends in its own time.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
main().catch((error: unknown) => {
  warn(`this run is not recorded: ${oneLine(messageOf(error))}`);
});
