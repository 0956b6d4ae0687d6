import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { MachineAddresses } from "../network/plan.ts";
import type { FirewallRule } from "../vendors/compute.ts";
import type { UserData } from "./user-data.ts";

/** What a start of the machine needs; machines/NAME/machine.json. */
export interface MachineRecord {
  readonly name: string;
  /** Root directory of the image below the disk's overlay. */
  readonly base: string;
  readonly addresses: MachineAddresses;
  readonly firewall: readonly FirewallRule[] | null;
  /** The owner's choice: a machine that is off with power "on" was killed, and `up` starts it again. */
  readonly power: "on" | "off";
}

export interface MachinePaths {
  readonly directory: string;
  readonly record: string;
  /** Upper directory of the overlay: the machine's disk. */
  readonly upper: string;
  readonly console: string;
  readonly keeperLog: string;
  readonly keeperPid: string;
  /** `COUNT PID`: number of boots under this keeper, and the container's process. */
  readonly boot: string;
  readonly lock: string;
}

export function machinePaths(sandboxDirectory: string, name: string): MachinePaths {
  const directory = join(sandboxDirectory, "machines", name);
  return {
    directory,
    record: join(directory, "machine.json"),
    upper: join(directory, "upper"),
    console: join(directory, "console.log"),
    keeperLog: join(directory, "keeper.log"),
    keeperPid: join(directory, "run", "keeper.pid"),
    boot: join(directory, "run", "boot"),
    // Outside of the directory, which is removed while the lock is held.
    lock: join(sandboxDirectory, "run", `machine-${name}.lock`),
  };
}

export function readRecord(paths: MachinePaths): MachineRecord | undefined {
  if (!existsSync(paths.record)) return undefined;
  return JSON.parse(readFileSync(paths.record, "utf8")) as MachineRecord;
}

/** Replaces the record by rename: a kill leaves the old record or the new one. */
export function writeRecord(paths: MachinePaths, record: MachineRecord): void {
  mkdirSync(paths.directory, { recursive: true });
  writeFileSync(`${paths.record}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${paths.record}.new`, paths.record);
}

/** Names of the machines that have a disk in this sandbox. */
export function recordedMachines(sandboxDirectory: string): readonly string[] {
  const directory = join(sandboxDirectory, "machines");
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => existsSync(join(directory, name, "machine.json")));
}

interface SeedFile {
  readonly path: string;
  readonly content: string;
}

/** The files that the image's first boot reads, below the machine's root; secrets among them. */
function seedFiles(data: UserData & { readonly hostname: string }): readonly SeedFile[] {
  const directory = "etc/pantheros-sandbox";
  return [
    // systemd reads the first when it starts, first-boot reads the second.
    { path: "etc/hostname", content: `${data.hostname}\n` },
    { path: `${directory}/hostname`, content: `${data.hostname}\n` },
    { path: `${directory}/authorized_keys`, content: data.authorizedKeys.map((key) => `${key}\n`).join("") },
    ...(data.hostKey === undefined
      ? []
      : [
          { path: `${directory}/host_key`, content: data.hostKey.privateKey },
          { path: `${directory}/host_key.pub`, content: data.hostKey.publicKey },
        ]),
  ];
}

/** Makes a new disk with the vendor's data; removes what an unfinished creation left. */
export function createDisk(paths: MachinePaths, data: UserData & { readonly hostname: string }): void {
  rmSync(paths.directory, { recursive: true, force: true });
  mkdirSync(paths.upper, { recursive: true });
  // The overlay's root has this mode, and sshd refuses keys below a directory that others can write.
  chmodSync(paths.upper, 0o755);
  chmodSync(paths.directory, 0o700);
  for (const file of seedFiles(data)) {
    const target = join(paths.upper, file.path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, file.content, { mode: 0o600 });
  }
  chmodSync(join(paths.upper, "etc"), 0o755);
  chmodSync(join(paths.upper, "etc/hostname"), 0o644);
}
