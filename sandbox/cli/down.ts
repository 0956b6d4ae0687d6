import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { clearCgroups, daemonCgroups, sandboxCgroups } from "../machines/cgroups.ts";
import { stopDaemon } from "../machines/daemon.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { withLock } from "../machines/lock.ts";
import { Machines } from "../machines/machines.ts";
import { listProcesses, namespaceId, processesIn } from "../machines/namespace-processes.ts";
import { driverNamespace, namespacePath } from "../network/names.ts";
import { claimName, ensureDriver, removeNetwork, sandboxNamespaces } from "../network/network.ts";
import { waitFor } from "../processes/wait.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { endOrphans, endProcesses } from "./orphans.ts";
import { pulumi, stackHasResources } from "./stack.ts";
import type { Steps } from "./steps.ts";
import { LOCK_SECONDS, sandboxPlan } from "./up.ts";
import { ensureVendors } from "./vendors.ts";

const DESTROY_SECONDS = 600;

export interface DownOptions {
  /** Skip `pulumi destroy`. */
  readonly force: boolean;
  /** Keep keys, secrets and logs for the next `up`. */
  readonly keep: boolean;
}

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
];
const KEPT_FILES: readonly string[] = [
  "keys",
  "secrets.env",
  "passphrase",
  "vault.json",
  "site",
  "known_hosts",
  "logs",
];

/** Undefined on success, else the reason of the failure. */
async function destroyStack(
  context: SandboxContext,
  layout: Layout,
  steps: Steps,
): Promise<string | undefined> {
  if (!stackHasResources(context)) return undefined;
  try {
    await steps.run("vendors, for destroy", async () => {
      await ensureDriver(context.name, context.directory);
      await ensureVendors(context, layout, sandboxPlan(context).inventory);
    });
    steps.log("pulumi destroy");
    const code = await pulumi(context, ["destroy", "--yes", "--skip-preview"], DESTROY_SECONDS);
    return code === 0 ? undefined : `pulumi destroy ended with ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Ids of the sandbox's network namespaces. A process keeps its namespace after the name is removed. */
function namespaceIds(context: SandboxContext): ReadonlySet<string> {
  const ids = sandboxNamespaces(context.name).map((name) => namespaceId(namespacePath(name)));
  return new Set(ids.filter((id) => id !== undefined));
}

async function removeEverything(
  context: SandboxContext,
  layout: Layout,
  steps: Steps,
): Promise<readonly string[]> {
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

function removeFiles(layout: Layout, keep: boolean): void {
  for (const name of keep ? STATE_FILES : [...STATE_FILES, ...KEPT_FILES]) {
    rmSync(join(layout.directory, name), { recursive: true, force: true });
  }
  if (existsSync(layout.directory) && readdirSync(layout.directory).length === 0) rmdirSync(layout.directory);
}

/** `down`: the exit code. When `pulumi destroy` fails, everything is still removed and the code is 1. */
export async function down(context: SandboxContext, steps: Steps, options: DownOptions): Promise<number> {
  const layout = layoutOf(context.directory);
  const own = namespaceId("/proc/self/ns/net");
  if (own !== undefined && namespaceIds(context).has(own)) {
    throw new Error(
      "this shell is inside the sandbox's network, which `down` removes; run `down` from another shell",
    );
  }
  if (
    !existsSync(context.directory) &&
    namespaceIds(context).size === 0 &&
    sandboxCgroups(context.name).length === 0
  ) {
    steps.log("there is no sandbox; nothing to remove");
    return 0;
  }
  // Another checkout's namespaces and cgroups may have this name.
  claimName(context.name, context.directory);
  const waiting = (holder: number | undefined) =>
    steps.log(`waiting for process ${holder}, which is changing this sandbox`);
  return withLock(
    layout.lock,
    LOCK_SECONDS,
    async () => {
      await endOrphans(context, (message) => steps.log(message));
      const problem = options.force ? undefined : await destroyStack(context, layout, steps);
      if (problem !== undefined)
        steps.log(`the stack could not be destroyed; removing everything by force:\n${problem}`);
      const left = await removeEverything(context, layout, steps);
      removeFiles(layout, options.keep);
      for (const line of left) steps.log(`NOT REMOVED: ${line}`);
      if (left.length > 0) return 1;
      steps.log("removed; no process, mount, namespace, link or cgroup of the sandbox is left");
      return problem === undefined ? 0 : 1;
    },
    waiting,
  );
}
