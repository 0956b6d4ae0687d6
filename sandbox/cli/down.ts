import { existsSync } from "node:fs";
import { sandboxCgroups } from "../machines/cgroups.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { withLock } from "../machines/lock.ts";
import { namespaceId } from "../machines/namespace-processes.ts";
import { claimName, ensureDriver } from "../network/network.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { endOrphans } from "./orphans.ts";
import { namespaceIds, removeSandbox } from "./remove.ts";
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
      const left = await removeSandbox(context, steps, options);
      for (const line of left) steps.log(`NOT REMOVED: ${line}`);
      if (left.length > 0) return 1;
      steps.log("removed; no process, mount, namespace, link or cgroup of the sandbox is left");
      return problem === undefined ? 0 : 1;
    },
    waiting,
  );
}
