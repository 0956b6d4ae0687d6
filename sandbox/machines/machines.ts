import { existsSync, rmSync } from "node:fs";
import type { Cable } from "../network/cable.ts";
import { machineNamespace, namespacePath } from "../network/names.ts";
import {
  addTailnetName,
  connectMachine,
  disconnectMachine,
  enforceFirewall,
  ensureDriver,
  setCable,
} from "../network/network.ts";
import type { MachineAddresses } from "../network/plan.ts";
import { readPidFile, signalProcess } from "../processes/identity.ts";
import { waitFor } from "../processes/wait.ts";
import type { FirewallRule } from "../vendors/compute.ts";
import { clearCgroups, machineCgroups } from "./cgroups.ts";
import { attempt, run, StepError } from "./command.ts";
import {
  createDisk,
  type MachinePaths,
  type MachineRecord,
  machinePaths,
  readRecord,
  recordedMachines,
  writeRecord,
} from "./disk.ts";
import { bootCount, findInit, lastLines, type SandboxContext, spawnKeeper } from "./keeper.ts";
import { limitHint, raiseInotifyLimit } from "./limits.ts";
import { withLock } from "./lock.ts";
import { preinstall } from "./preinstalled.ts";
import { FREE_SCRIPT, fillScript } from "./space.ts";
import type { UserData } from "./user-data.ts";

/** Limits for a busy computer; otherwise a machine starts in about a second. */
const START_SECONDS = 30;
const BOOT_SECONDS = 60;
const SHUTDOWN_SECONDS = 20;
const REBOOT_SECONDS = 30;
const LOCK_SECONDS = 120;

const START_HINT =
  "the sandbox's directory must be on a file system that overlayfs can write to (ext4, xfs, btrfs, tmpfs; not an overlay)";

/** SIGRTMIN+5 of glibc, on which systemd as PID 1 starts reboot.target, systemd(1). */
const SIGNAL_REBOOT = 39;

export interface NewMachine {
  readonly name: string;
  readonly addresses: MachineAddresses;
  readonly firewall: readonly FirewallRule[] | null;
  readonly userData: UserData;
  /** Store path, on this computer, of the system that the machine boots; absent: the image's Debian. */
  readonly system?: string;
}

export type MachineState = "running" | "off" | "missing";

/** The machines of one sandbox. Every call can be repeated, also after an earlier one was killed at any point. */
export class Machines {
  readonly #context: SandboxContext;

  constructor(context: SandboxContext) {
    this.#context = context;
  }

  paths(name: string): MachinePaths {
    return machinePaths(this.#context.directory, name);
  }

  list(): readonly string[] {
    return recordedMachines(this.#context.directory);
  }

  record(name: string): MachineRecord | undefined {
    return readRecord(this.paths(name));
  }

  state(name: string): MachineState {
    const paths = this.paths(name);
    if (readRecord(paths) === undefined) return "missing";
    return readPidFile(paths.keeperPid) === undefined ? "off" : "running";
  }

  /** Makes the disk, unless the machine exists, and starts it. */
  async create(machine: NewMachine): Promise<void> {
    await this.#locked(machine.name, async () => {
      const paths = this.paths(machine.name);
      if (readRecord(paths) === undefined) {
        const base = await this.#context.image();
        await this.#cut(machine.name);
        createDisk(paths, { hostname: machine.name, ...machine.userData });
        if (machine.system !== undefined) await preinstall(base, paths, machine.system);
        const { name, addresses, firewall } = machine;
        writeRecord(paths, { name, base, addresses, firewall, power: "on" });
      }
      await this.#start(machine.name);
    });
  }

  async start(name: string): Promise<void> {
    await this.#locked(name, () => this.#start(name));
  }

  /** Starts a machine that its owner did not switch off: it was killed, or this computer rebooted. */
  async recover(name: string): Promise<boolean> {
    return this.#locked(name, async () => {
      if (this.record(name)?.power !== "on" || this.state(name) === "running") return false;
      await this.#start(name);
      return true;
    });
  }

  /** `force` cuts the power; `clean` presses the power button, and cuts the power after a timeout. */
  async stop(name: string, how: "clean" | "force"): Promise<void> {
    await this.#locked(name, async () => {
      const record = this.record(name);
      if (record !== undefined) writeRecord(this.paths(name), { ...record, power: "off" });
      await this.#stop(name, how);
    });
  }

  /** Asks the system to reboot; resets a machine that does not. */
  async reboot(name: string): Promise<void> {
    await this.#locked(name, async () => {
      const paths = this.paths(name);
      const init = findInit(this.#cgroups(name));
      if (readPidFile(paths.keeperPid) === undefined || init === undefined) return this.#start(name);
      const before = bootCount(paths);
      process.kill(init, SIGNAL_REBOOT);
      const back = await waitFor(REBOOT_SECONDS, () =>
        bootCount(paths) > before && this.#isUp(name) ? true : undefined,
      );
      if (back === undefined) {
        await this.#cut(name);
        await this.#start(name);
      }
    });
  }

  /** Cuts the power and removes the machine with its disk. */
  async delete(name: string): Promise<void> {
    await this.#locked(name, async () => {
      await this.#cut(name);
      rmSync(this.paths(name).directory, { recursive: true, force: true });
    });
  }

  /** Replaces the machine's firewall, now and for later starts; null: none attached. */
  async applyFirewall(name: string, rules: readonly FirewallRule[] | null): Promise<void> {
    await this.#locked(name, async () => {
      const record = this.#existing(name);
      writeRecord(this.paths(name), { ...record, firewall: rules });
      if (existsSync(namespacePath(machineNamespace(this.#context.name, name)))) {
        await enforceFirewall(this.#context.name, name, rules);
      }
    });
  }

  /** Sets the addresses that the machine has from its next start on. */
  async readdress(name: string, addresses: MachineAddresses): Promise<void> {
    await this.#locked(name, async () => {
      writeRecord(this.paths(name), { ...this.#existing(name), addresses });
    });
  }

  /** Waits until all units have started or failed. False: the machine is still booting after the timeout. */
  async booted(name: string): Promise<boolean> {
    const over = await waitFor(BOOT_SECONDS, async () => {
      if (this.state(name) !== "running") return true;
      if (!this.#isUp(name)) return undefined;
      const argv = this.shellCommand(name, ["timeout", "10", "systemctl", "is-system-running", "--wait"]);
      const { stdout } = await attempt(argv, { step: `boot of ${name}` });
      return /^(running|degraded|maintenance|stopping)$/.test(stdout.trim()) ? true : undefined;
    });
    return over === true;
  }

  /** Unplugs the network cable, plugs it in again, or slows the link down. */
  async cable(name: string, cable: Cable): Promise<void> {
    this.#existing(name);
    await setCable(this.#context.name, name, cable);
  }

  /** Fills the machine's /nix up to `kilobytes` of free space; undefined: frees it again. */
  async space(name: string, kilobytes: number | undefined): Promise<void> {
    const script = kilobytes === undefined ? FREE_SCRIPT : fillScript(kilobytes);
    await run(this.shellCommand(name, ["sh", "-c", script]), { step: `disk of ${name}`, timeout: 60_000 });
  }

  /** argv of a root shell or a command inside of the machine; it enters the machine's namespaces. */
  shellCommand(name: string, command: readonly string[]): readonly string[] {
    const init = findInit(this.#cgroups(name));
    if (init === undefined) throw new Error(`machine ${name} is ${this.state(name)}`);
    const inside = command.length === 0 ? ["/bin/bash", "-l"] : command;
    // No inherited environment, as on a console: PANTHEROS_ROOT would change what the host's scripts do.
    const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";
    const environment = ["HOME=/root", `PATH=${path}`, `TERM=${process.env["TERM"] ?? "dumb"}`];
    // The shell in between reaps the command. With its own fork, nsenter would stop itself when a shutdown stops its
    // child, never reap it, and so block the machine's shutdown.
    const enter = ["nsenter", "--no-fork", `--target=${init}`, "--all", "--root", "--wd"];
    return [...enter, "env", "-i", ...environment, "sh", "-c", '"$@"; exit "$?"', "sh", ...inside];
  }

  #locked<T>(name: string, body: () => Promise<T>): Promise<T> {
    return withLock(this.paths(name).lock, LOCK_SECONDS, body);
  }

  #existing(name: string): MachineRecord {
    const record = this.record(name);
    if (record === undefined) throw new Error(`no machine ${name} in sandbox ${this.#context.name}`);
    return record;
  }

  #cgroups(name: string): readonly string[] {
    return machineCgroups(this.#context.name, name);
  }

  #isUp(name: string): boolean {
    return findInit(this.#cgroups(name)) !== undefined;
  }

  async #start(name: string): Promise<void> {
    const paths = this.paths(name);
    const before = this.#existing(name);
    // The cache may have been emptied; the disk also fits a new image of the same packages.
    const base = existsSync(before.base) ? before.base : await this.#context.image();
    const record: MachineRecord = { ...before, base, power: "on" };
    if (record.base !== before.base || record.power !== before.power) writeRecord(paths, record);
    if (readPidFile(paths.keeperPid) !== undefined) return;
    await this.#cut(name);
    await ensureDriver(this.#context.name, this.#context.directory);
    await connectMachine(this.#context.name, name, record.addresses);
    await addTailnetName(this.#context.name, this.#context.directory, name, record.addresses);
    await enforceFirewall(this.#context.name, name, record.firewall);
    raiseInotifyLimit();
    const keeper = spawnKeeper(this.#context, paths, record, this.#cgroups(name));
    const started = await waitFor(START_SECONDS, () => {
      if (this.#isUp(name)) return true;
      return keeper.ended() ? false : undefined;
    });
    if (started !== true) {
      const step = `start of machine ${name}`;
      const detail = `${lastLines(paths.keeperLog, 5)}\n${lastLines(paths.console, 15)}`;
      throw new StepError(
        step,
        "systemd-nspawn",
        keeper.ended() ? keeper.code() : undefined,
        detail,
        limitHint(detail) ?? START_HINT,
      );
    }
  }

  async #stop(name: string, how: "clean" | "force"): Promise<void> {
    const paths = this.paths(name);
    const keeper = readPidFile(paths.keeperPid);
    if (how === "clean" && keeper !== undefined && signalProcess(keeper, "SIGTERM")) {
      await waitFor(SHUTDOWN_SECONDS, () => (readPidFile(paths.keeperPid) === undefined ? true : undefined));
    }
    await this.#cut(name);
  }

  /** Kills the machine's processes and removes all but its disk; also after its keeper was killed. */
  async #cut(name: string): Promise<void> {
    const paths = this.paths(name);
    const keeper = readPidFile(paths.keeperPid);
    if (keeper !== undefined) signalProcess(keeper, "SIGKILL");
    if (!(await clearCgroups(this.#cgroups(name)))) {
      throw new StepError(`power off of ${name}`, "kill", undefined, "the machine's processes do not end");
    }
    await waitFor(5, () =>
      keeper !== undefined && readPidFile(paths.keeperPid) !== undefined ? undefined : true,
    );
    await disconnectMachine(this.#context.name, name);
    rmSync(paths.boot, { force: true });
    rmSync(paths.keeperPid, { force: true });
  }
}
