/** Removes a sandbox from this computer, without asking the vendors for anything. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { clearCgroups, daemonCgroups, sandboxCgroups } from "../machines/cgroups.ts";
import { stopDaemon } from "../machines/daemon.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { Machines } from "../machines/machines.ts";
import { listProcesses, namespaceId, processesIn } from "../machines/namespace-processes.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";
import { removeNetwork, sandboxNamespaces } from "../network/network.ts";
import { waitFor } from "../processes/wait.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { endProcesses } from "./orphans.ts";
import type { Steps } from "./steps.ts";

/** What the sandbox makes in PANTHEROS_SANDBOX_DIR; `down` removes nothing else there. */
const STATE_FILES: readonly string[] = [
  "pulumi",
  "project",
  "Pulumi.sandbox.yaml",
  "machines",
  "vendors",
  "run",
  // Nix's record of what the binary cache holds is wrong once the cache is gone.
  "nix-cache",
  "nixos-anywhere.log",
  // Recorded runs, and the control centre's database.
  "state",
];
const KEPT_FILES: readonly string[] = [
  "keys",
  "secrets.env",
  "passphrase",
  "vault.json",
  "site",
  "known_hosts",
  "logs",
  // The repository of the rehearsals, which outlives the disaster.
  "rehearsal",
];

/** Ids of the sandbox's network namespaces. A process keeps its namespace after the name is removed. */
export function namespaceIds(context: SandboxContext): ReadonlySet<string> {
  const ids = sandboxNamespaces(context.name).map((name) => namespaceId(namespacePath(name)));
  return new Set(ids.filter((id) => id !== undefined));
}

async function removeEverything(context: SandboxContext, steps: Steps): Promise<readonly string[]> {
  const layout = layoutOf(context.directory);
  const namespaces = namespaceIds(context);
  await steps.run("stop vendors", async () => {
    await stopDaemon({ pidFile: layout.vendorsPid, cgroups: daemonCgroups(context.name, "vendors") });
  });
  await steps.run("remove machines", async () => {
    const machines = new Machines(context);
    await Promise.all(machines.list().map((name) => machines.delete(name)));
    await clearCgroups(sandboxCgroups(context.name));
  });
  await steps.run("remove network", async () => {
    const inside = processesIn(listProcesses(), namespaces, process.pid);
    await endProcesses(inside.map(({ pid }) => pid));
    await removeNetwork(context.name);
  });
  return (
    (await waitFor(5, () => (leftovers(context, namespaces).length === 0 ? [] : undefined))) ??
    leftovers(context, namespaces)
  );
}

/** What is left of the sandbox on this computer, apart from files. */
export function leftovers(context: SandboxContext, namespaces: ReadonlySet<string>): readonly string[] {
  const driver = driverNamespace(context.name);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mount) => mount.startsWith(`${context.directory}/`));
  return [
    ...processesIn(listProcesses(), namespaces, process.pid).map(
      ({ pid, command }) => `process ${pid}: ${command}`,
    ),
    ...sandboxNamespaces(context.name).map((name) => `network namespace ${name}`),
    ...sandboxCgroups(context.name).map((path) => `cgroup ${path}`),
    ...mounts.map((mount) => `mount ${mount}`),
    ...[`/etc/netns/${driver}`].filter((path) => existsSync(path)),
  ];
}

/** A directory that is a mount point stays: in a container it is a volume. */
function removeUnlessMounted(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
  }
}

function removeFiles(layout: Layout, keep: boolean): void {
  for (const name of keep ? STATE_FILES : [...STATE_FILES, ...KEPT_FILES]) {
    rmSync(join(layout.directory, name), { recursive: true, force: true });
  }
  if (existsSync(layout.directory) && readdirSync(layout.directory).length === 0)
    removeUnlessMounted(layout.directory);
}

/**
 * Removes processes, machines, network and files. Returns what could not be removed.
 *
 * @param keep keep keys, secrets and logs for the next `up`
 */
export async function removeSandbox(
  context: SandboxContext,
  steps: Steps,
  { keep }: { readonly keep: boolean },
): Promise<readonly string[]> {
  const left = await removeEverything(context, steps);
  removeFiles(layoutOf(context.directory), keep);
  return left;
}
