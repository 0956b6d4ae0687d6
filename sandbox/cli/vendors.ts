import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Inventory } from "../../inventory/schema.ts";
import { daemonCgroups } from "../machines/cgroups.ts";
import { attempt, StepError } from "../machines/command.ts";
import { type Daemon, daemonProcess, startDaemon, stopDaemon } from "../machines/daemon.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { driverNamespace, nsenterNet } from "../network/names.ts";
import { RUNNER_ADDRESS } from "../network/plan.ts";
import type { Layout } from "./layout.ts";

const START_SECONDS = 40;

/** Health endpoints of the emulated vendors. */
const HEALTH_URLS: readonly string[] = [8001, 8002, 8003, 8004, 9000].map(
  (port) => `http://${RUNNER_ADDRESS}:${port}/__health`,
);

/** The emulated Tailscale, used by machines too. */
export const TAILSCALE_URL = `http://${RUNNER_ADDRESS}:8003`;

/** The emulated 1Password, used by machines. */
export const ONEPASSWORD_URL = `http://${RUNNER_ADDRESS}:8004`;

/** The emulated object storage, used by machines too. */
export const S3_URL = `http://${RUNNER_ADDRESS}:9000`;

/** Variables that name the sandbox; every program that is started for it gets them. */
export function sandboxVariables(context: SandboxContext): Readonly<Record<string, string>> {
  return { PANTHEROS_SANDBOX_DIR: context.directory, PANTHEROS_SANDBOX_NAME: context.name };
}

/** What a fleet's owner sets up at the vendors by hand: zone, tailnet and storage region. */
export type Accounts = Pick<Inventory, "dns" | "tailnet" | "storage">;

function accountOptions({ dns, tailnet, storage }: Accounts): readonly string[] {
  return [
    ...(dns === undefined ? [] : ["--zone", dns.zone]),
    ...(storage === undefined ? [] : ["--region", storage.region]),
    ...(tailnet === undefined ? [] : ["--tailnet", tailnet.name, "--suffix", tailnet.suffix]),
  ];
}

/** The emulated vendors as one daemon in the driver namespace; they read their tokens from secrets.env. */
function vendorsDaemon(
  context: SandboxContext,
  layout: Layout,
  accounts: Accounts,
  environment: NodeJS.ProcessEnv = process.env,
): Daemon {
  // A list, so that nothing else of the caller's environment reaches the emulators.
  const passed = [
    "PATH",
    "HOME",
    "XDG_CACHE_HOME",
    "PANTHEROS_CACHE",
    "PANTHEROS_DEBIAN_MIRROR",
    "NODE_COMPILE_CACHE",
  ];
  return {
    argv: nsenterNet(driverNamespace(context.name), [
      process.execPath,
      join(context.repository, "sandbox/vendors/main.ts"),
      "serve",
      ...accountOptions(accounts),
    ]),
    environment: {
      ...Object.fromEntries(
        passed.map((name) => [name, environment[name]]).filter(([, value]) => value !== undefined),
      ),
      ...sandboxVariables(context),
    },
    workingDirectory: context.repository,
    pidFile: layout.vendorsPid,
    log: layout.vendorsLog,
    cgroups: daemonCgroups(context.name, "vendors"),
  };
}

/** Time of the newest change below a directory, in milliseconds. */
function newestChange(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((path) => statSync(join(directory, path)).mtimeMs)
    .reduce((newest, time) => Math.max(newest, time), 0);
}

/** Whether the running vendors were started after the last change of their code. */
function isCurrent(context: SandboxContext, layout: Layout): boolean {
  const started = existsSync(layout.vendorsPid) ? statSync(layout.vendorsPid).mtimeMs : 0;
  return ["vendors", "machines", "network"].every(
    (part) => newestChange(join(context.repository, "sandbox", part)) < started,
  );
}

/** Undefined when all vendors are healthy, else the URLs that are not. */
export async function vendorsProblem(context: SandboxContext, seconds: number): Promise<string | undefined> {
  const argv = [
    process.execPath,
    join(context.repository, "sandbox/cli/probe.ts"),
    String(seconds),
    ...HEALTH_URLS,
  ];
  const result = await attempt(nsenterNet(driverNamespace(context.name), argv), {
    step: "vendors",
    timeout: (seconds + 15) * 1000,
  });
  return result.code === 0 ? undefined : result.stdout.trim() || result.stderr.trim();
}

/** Starts the emulators when they are off, run old code or are not healthy. */
export async function ensureVendors(
  context: SandboxContext,
  layout: Layout,
  accounts: Accounts,
): Promise<"running" | "started"> {
  const daemon = vendorsDaemon(context, layout, accounts);
  const running = daemonProcess(daemon) !== undefined && isCurrent(context, layout);
  if (running && (await vendorsProblem(context, 5)) === undefined) return "running";
  await stopDaemon(daemon);
  await startDaemon(daemon);
  // Short probes, to notice at once when the daemon has exited.
  let problem: string | undefined;
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; ) {
    problem = await vendorsProblem(context, 2);
    if (problem === undefined || daemonProcess(daemon) === undefined) break;
  }
  if (problem !== undefined) {
    const log = readFileSync(layout.vendorsLog, "utf8").trimEnd().split("\n").slice(-15).join("\n");
    throw new StepError(
      "vendors",
      "sandbox/vendors/main.ts serve",
      undefined,
      `${problem}\n${log}`,
      layout.vendorsLog,
    );
  }
  return "started";
}
