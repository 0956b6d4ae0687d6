import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { loadInventory } from "../../inventory/load.ts";
import { type ExistingHost, type Plan, planFor } from "../../inventory/plan.ts";
import { ensurePostgresql } from "../image/postgresql.ts";
import { imageOptions } from "../machines/context.ts";
import { eachLimit } from "../machines/each-limit.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { withLock } from "../machines/lock.ts";
import { Machines, type NewMachine } from "../machines/machines.ts";
import { claimName, ensureDriver, tailnetSuffixFile } from "../network/network.ts";
import { readMark, removeMark, writeMark } from "../runbooks/mark.ts";
import { prepareAdopted } from "./adopted.ts";
import { ensureKeyPair } from "./files.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { endOrphans } from "./orphans.ts";
import { checkPrerequisites } from "./prerequisites.ts";
import { removeSandbox } from "./remove.ts";
import { ensureSecrets, ensureSigningKey } from "./secrets.ts";
import { nixSystem, writeSite } from "./site.ts";
import { pulumi, readOutputs, stackHasResources } from "./stack.ts";
import type { Steps } from "./steps.ts";
import { nextSteps, summaryLines } from "./summary.ts";
import { unmanagedSystems } from "./unmanaged.ts";
import { ensureVault, removeTailnetKeys } from "./vault.ts";
import { ensureVendors, ONEPASSWORD_URL, S3_URL } from "./vendors.ts";

/** Seconds to wait for another `up` or `down` of the same sandbox. */
export const LOCK_SECONDS = 600;
const PULUMI_SECONDS = 2700;
/** Machines that boot at the same time; more would slow each other down. */
const PARALLEL_BOOTS = 8;

const stackFile = z.object({ config: z.object({ "pantheros:environment": z.string() }) });

/** The inventory and the environment that the program reads, too (PANTHEROS_FLEET, Pulumi.sandbox.yaml). */
export function sandboxPlan({ repository }: Pick<SandboxContext, "repository">): Plan {
  const file = process.env["PANTHEROS_FLEET"] || join(repository, "sandbox/nix/fleet.toml");
  const stack = stackFile.parse(parse(readFileSync(join(repository, "Pulumi.sandbox.yaml"), "utf8")));
  return planFor(loadInventory(file), stack.config["pantheros:environment"]);
}

function isExisting(host: Plan["hosts"][number]): host is ExistingHost {
  return host.provider.kind === "existing";
}

/** Whether a host's system contains PostgreSQL (sandbox/nix/postgresql.nix). */
function hasDatabases(plan: Plan): boolean {
  return plan.hosts.some(({ extra }) => {
    const databases = extra?.["databases"];
    return Array.isArray(databases) && databases.length > 0;
  });
}

/** Makes the keys, secrets and files that stay between runs. Returns the adopted machines to create. */
async function prepareFiles(
  context: SandboxContext,
  layout: Layout,
  plan: Plan,
  postgresql: string | undefined,
): Promise<readonly NewMachine[]> {
  const deployKey = await ensureKeyPair(layout.deployKey, `deploy@${context.name}`);
  const signingKey = await ensureSigningKey(layout, context.name);
  const operatorKeys: Record<string, readonly string[]> = {};
  for (const role of Object.keys(plan.inventory.roles)) {
    operatorKeys[role] = [await ensureKeyPair(layout.operatorKey(role), `${role}@${context.name}`)];
  }
  writeSite(layout, {
    authorizedKeys: [deployKey],
    operatorKeys,
    trustedPublicKeys: [signingKey],
    substituters: [],
    system: nixSystem(process.arch),
    onepassword: ONEPASSWORD_URL,
    s3: S3_URL,
    ...(postgresql !== undefined && { postgresql }),
  });
  mkdirSync(dirname(tailnetSuffixFile(context.directory)), { recursive: true });
  writeFileSync(tailnetSuffixFile(context.directory), plan.inventory.tailnet?.suffix ?? "");
  const secrets = ensureSecrets(layout);
  ensureVault(layout, plan, secrets["OP_SERVICE_ACCOUNT_TOKEN"] ?? "");
  return prepareAdopted(layout, plan.hosts.filter(isExisting), deployKey, (path) =>
    readFileSync(path, "utf8"),
  );
}

interface EnsureMachinesArgs {
  readonly context: SandboxContext;
  readonly layout: Layout;
  readonly machines: Machines;
  readonly adopted: readonly NewMachine[];
  /** Logs progress. */
  readonly note: (message: string) => void;
}

/** Creates the adopted machines and starts those that a kill or a reboot of this computer stopped. */
async function ensureMachines({
  context,
  layout,
  machines,
  adopted,
  note,
}: EnsureMachinesArgs): Promise<void> {
  const others = machines.list().filter((name) => !adopted.some((machine) => machine.name === name));
  const fresh = adopted.filter((machine) => machines.state(machine.name) === "missing");
  const systems = await unmanagedSystems(
    context,
    layout,
    fresh.map(({ name }) => name),
  );
  let made = 0;
  await eachLimit(adopted, PARALLEL_BOOTS, async (machine) => {
    const system = systems[machine.name];
    await machines.create(system === undefined ? machine : { ...machine, system });
    if (system === undefined) return;
    made += 1;
    note(`${machine.name} runs its owner's NixOS and can be adopted (${made} of ${fresh.length})`);
  });
  await eachLimit(others, PARALLEL_BOOTS, async (name) => {
    if (await machines.recover(name)) note(`${name} was off; started`);
  });
  // A deploy that follows at once needs machines whose boot is complete.
  await Promise.all(
    machines.list().map(async (name) => {
      if (!(await machines.booted(name))) note(`${name} is still booting`);
    }),
  );
}

/** Starts everything but the stack; keeps what is running. */
async function ensureSandbox(
  context: SandboxContext,
  steps: Steps,
  options: Pick<UpOptions, "vendors">,
): Promise<void> {
  const layout = layoutOf(context.directory);
  await endOrphans(context, (message) => steps.log(message));
  const plan = sandboxPlan(context);
  const postgresql = hasDatabases(plan)
    ? await steps.run("PostgreSQL", (progress) =>
        ensurePostgresql({ ...imageOptions(context.repository), progress }),
      )
    : undefined;
  const adopted = await steps.run("keys, secrets and site", () =>
    prepareFiles(context, layout, plan, postgresql),
  );
  await steps.run("image of the machines", () => context.image());
  await steps.run("network", () => ensureDriver(context.name, context.directory));
  const machines = new Machines(context);
  await Promise.all([
    options.vendors
      ? steps.run("vendors", async (note) => {
          note(await ensureVendors(context, layout, plan.inventory));
        })
      : undefined,
    steps.run("machines", (note) => ensureMachines({ context, layout, machines, adopted, note })),
  ]);
}

export interface UpOptions {
  /** Run `pulumi up` at the end. */
  readonly deploy: boolean;
  /** Start the emulated vendors; a fleet of adopted machines only needs none. */
  readonly vendors: boolean;
}

/** A rehearsal of the disaster was interrupted while it removed everything: removes the rest. */
async function finishRemoval(context: SandboxContext, steps: Steps): Promise<void> {
  if (readMark(context.directory)?.removing !== true) return;
  steps.log("a rehearsal was interrupted while it removed everything; removing the rest");
  await removeSandbox(context, steps, { keep: true });
  writeMark(context.directory, { name: "disaster", removing: false });
}

/**
 * After an interrupted rehearsal the state may have objects that the vendors no longer have; without a state, the vault
 * still has the items of before. Returns the exit code.
 */
async function agreeAfterRehearsal(context: SandboxContext, steps: Steps): Promise<number> {
  const mark = readMark(context.directory);
  if (mark === undefined) return 0;
  if (stackHasResources(context)) {
    steps.log(`pulumi refresh, because the rehearsal ${mark.name} was interrupted`);
    return pulumi(context, ["refresh", "--yes", "--skip-preview", "--suppress-outputs"], PULUMI_SECONDS);
  }
  removeTailnetKeys(layoutOf(context.directory));
  return 0;
}

/** `up`: the exit code. */
export async function up(context: SandboxContext, steps: Steps, options: UpOptions): Promise<number> {
  await steps.run("prerequisites", async () => checkPrerequisites());
  const { lock } = layoutOf(context.directory);
  // Before anything is changed: another checkout may own this name.
  mkdirSync(context.directory, { recursive: true, mode: 0o700 });
  claimName(context.name, context.directory);
  const waiting = (holder: number | undefined) =>
    steps.log(`waiting for process ${holder}, which is changing this sandbox`);
  return withLock(
    lock,
    LOCK_SECONDS,
    async () => {
      await finishRemoval(context, steps);
      await ensureSandbox(context, steps, options);
      if (!options.deploy) return 0;
      const agreed = await agreeAfterRehearsal(context, steps);
      if (agreed !== 0) return agreed;
      steps.log("pulumi up");
      const code = await pulumi(
        context,
        ["up", "--yes", "--skip-preview", "--suppress-outputs"],
        PULUMI_SECONDS,
      );
      // A run that failed early has no outputs, and its error is printed already.
      const outputs = await readOutputs(context).catch((error: unknown) => {
        if (code === 0) throw error;
        return undefined;
      });
      if (code === 0) removeMark(context.directory);
      for (const line of outputs === undefined ? [] : summaryLines(outputs)) console.log(line);
      if (code === 0 && outputs !== undefined) {
        for (const line of nextSteps(outputs, "tools/pantheros sandbox")) console.log(line);
      }
      console.log("");
      steps.log(
        code === 0
          ? "the sandbox is up"
          : `pulumi up failed with exit code ${code}: see the reasons above, then run it again`,
      );
      return code;
    },
    waiting,
  );
}
