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
import { identify, type ProcessIdentity, signalProcess } from "../machines/process.ts";
import { waitFor } from "../machines/wait.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";

/** Was it started in the name of this sandbox? tools/pulumi sets the variable for all below it. */
function belongsToSandbox(entry: ProcessEntry, context: SandboxContext): boolean {
  try {
    const environment = readFileSync(`/proc/${entry.pid}/environ`, "utf8").split("\0");
    return environment.includes(`PANTHEROS_SANDBOX_DIR=${context.directory}`);
  } catch {
    return false;
  }
}

/** Ask these to end, wait, then make them; each checked to be the one that was meant. */
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
 * End what a killed run left in the driver namespace: plugins, copies, deploys under way. They would go on beside
 * the new run. A person's shell in there has its parent and stays.
 */
export async function endOrphans(context: SandboxContext, say: (message: string) => void): Promise<void> {
  const namespace = namespaceId(namespacePath(driverNamespace(context.name)));
  if (namespace === undefined) return;
  const vendors = new Set(daemonCgroups(context.name, "vendors").flatMap(cgroupProcesses));
  const all = listProcesses();
  const inside = processesIn(all, new Set([namespace]), process.pid);
  const strays = orphans(inside, vendors, subreapers(all)).filter((entry) =>
    belongsToSandbox(entry, context),
  );
  if (strays.length === 0) return;
  say(
    `ends ${strays.length} processes that an interrupted run left: ${strays.map(({ pid }) => pid).join(", ")}`,
  );
  await endProcesses(strays.map(({ pid }) => pid));
}
