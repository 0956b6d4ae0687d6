/** Whether the process of a run still runs. */
import { readFileSync, readlinkSync } from "node:fs";
import { startTimeOf } from "../deployer/process/stop.ts";
import type { RunProcess, RunStart } from "./contract.ts";

/** A run of another machine or container is taken for interrupted when nothing came from it for this long. */
const SILENT_MS = 120_000;

/** A name of this boot and PID namespace, in which a PID means the same. */
function here(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

/** Undefined where /proc does not show it. */
export function runProcess(pid: number): RunProcess | undefined {
  const started = startTimeOf(pid);
  const boot = here();
  return started === undefined || boot === "" ? undefined : { pid, started, boot };
}

/**
 * Whether a run without an end goes on: its process or its recorder runs, which writes the end after the process.
 * @param seenAt when its file changed last, in milliseconds since 1970
 */
export function isRunning(start: RunStart | undefined, seenAt: number, now: number): boolean {
  const { process, recorder } = start ?? {};
  const boot = here();
  if (process === undefined || process.boot !== boot) return now - seenAt < SILENT_MS;
  return [process, recorder].some((each) => each?.boot === boot && startTimeOf(each.pid) === each.started);
}
