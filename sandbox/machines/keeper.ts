import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machineNamespace, namespacePath, nspawnName } from "../network/names.ts";
import { cgroupProcesses } from "./cgroups.ts";
import type { MachinePaths, MachineRecord } from "./disk.ts";

export interface SandboxContext {
  /** PANTHEROS_SANDBOX_DIR, absolute. */
  readonly directory: string;
  /** PANTHEROS_SANDBOX_NAME. */
  readonly name: string;
  /** Root of the checkout. */
  readonly repository: string;
  /** Root directory of the base image, built when the cache lacks it. */
  readonly image: () => Promise<string>;
}

/** argv of the detached keeper, in its own mount namespace, into which unmounts of this computer propagate. */
export function keeperCommand(
  context: Pick<SandboxContext, "name" | "repository">,
  paths: Pick<MachinePaths, "directory">,
  record: Pick<MachineRecord, "name" | "base">,
  cgroups: readonly string[],
): readonly string[] {
  return [
    "unshare",
    "--mount",
    "--propagation=slave",
    "sh",
    join(context.repository, "sandbox/machines/keeper.sh"),
    paths.directory,
    record.base,
    namespacePath(machineNamespace(context.name, record.name)),
    nspawnName(context.name, record.name),
    record.name,
    ...cgroups,
  ];
}

/** Number of boots under the machine's keeper, from `COUNT PID` in run/boot. */
export function bootCount(paths: MachinePaths): number {
  try {
    return Number(readFileSync(paths.boot, "utf8").split(" ")[0]);
  } catch {
    return 0;
  }
}

/** This computer's pid of the machine's PID 1: the process that is 1 in its own pid namespace. */
export function findInit(cgroups: readonly string[]): number | undefined {
  return cgroups.flatMap(cgroupProcesses).find((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return /^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status);
    } catch {
      return false;
    }
  });
}

/** The end of a log, for an error message; empty without a log. */
export function lastLines(path: string, count: number): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}

/** Starts the machine's keeper, which outlives this process. The result reports an early end. */
export function spawnKeeper(
  context: SandboxContext,
  paths: MachinePaths,
  record: MachineRecord,
  cgroups: readonly string[],
): { ended(): boolean; code(): number | undefined } {
  mkdirSync(paths.directory, { recursive: true });
  const log = openSync(paths.keeperLog, "w", 0o600);
  const [program = "", ...args] = keeperCommand(context, paths, record, cgroups);
  // Not inherited: this process's environment may hold tokens, which /proc would show for nspawn.
  const environment = { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
  // detached: setsid(2), so that no signal to this process group or terminal reaches the machine.
  const keeper = spawn(program, args, {
    detached: true,
    cwd: "/",
    stdio: ["ignore", log, log],
    env: environment,
  });
  let failed = false;
  keeper.on("error", () => {
    failed = true;
  });
  keeper.unref();
  closeSync(log);
  return {
    ended: () => failed || keeper.exitCode !== null || keeper.signalCode !== null,
    code: () => keeper.exitCode ?? undefined,
  };
}
