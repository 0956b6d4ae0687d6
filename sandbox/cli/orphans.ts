import { readFileSync } from "node:fs";
import { cgroupProcesses, daemonCgroups } from "../machines/cgroups.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import {
  listProcesses,
  namespaceId,
  orphans,
  type ProcessEntry,
  processesIn,
  subreapers,
} from "../machines/namespace-processes.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";
import { identify, type ProcessIdentity, signalProcess } from "../processes/identity.ts";
import { waitFor } from "../processes/wait.ts";

/** Whether the process was started for this sandbox: tools/pulumi sets the variable for all its children. */
function belongsToSandbox(entry: ProcessEntry, context: SandboxContext): boolean {
  try {
    const environment = readFileSync(`/proc/${entry.pid}/environ`, "utf8").split("\0");
    return environment.includes(`PANTHEROS_SANDBOX_DIR=${context.directory}`);
  } catch {
    return false;
  }
}

/** Sends SIGTERM, waits, then sends SIGKILL. Start times are compared, so a re-used pid is never signalled. */
export async function endProcesses(pids: readonly number[], seconds = 5): Promise<void> {
  const meant = pids.map(identify).filter((identity): identity is ProcessIdentity => identity !== undefined);
  const left = (): readonly ProcessIdentity[] =>
    meant.filter(({ pid, started }) => identify(pid)?.started === started);
  for (const identity of meant) signalProcess(identity, "SIGTERM");
  await waitFor(seconds, () => (left().length === 0 ? true : undefined));
  for (const identity of left()) signalProcess(identity, "SIGKILL");
  await waitFor(seconds, () => (left().length === 0 ? true : undefined));
}

/**
 * Ends the processes that a killed run left in the driver namespace (plugins, copies, deploys): they would
 * run on beside the new run. A user's shell in the namespace has a parent and is left alone.
 */
export async function endOrphans(context: SandboxContext, log: (message: string) => void): Promise<void> {
  const namespace = namespaceId(namespacePath(driverNamespace(context.name)));
  if (namespace === undefined) return;
  const vendors = new Set(daemonCgroups(context.name, "vendors").flatMap(cgroupProcesses));
  const all = listProcesses();
  const inside = processesIn(all, new Set([namespace]), process.pid);
  const found = orphans(inside, vendors, subreapers(all)).filter((entry) => belongsToSandbox(entry, context));
  if (found.length === 0) return;
  log(
    `ending ${found.length} processes that an interrupted run left: ${found.map(({ pid }) => pid).join(", ")}`,
  );
  await endProcesses(found.map(({ pid }) => pid));
}
