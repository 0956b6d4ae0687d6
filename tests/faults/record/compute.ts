/** Machines as records: a directory each, whose files are the disk. The programs in bin/ answer from it. */
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serverAddress6 } from "../../../sandbox/machines/compute.ts";
import { readUserData } from "../../../sandbox/machines/user-data.ts";
import type { Compute, MachineSpec } from "../../../sandbox/vendors/compute.ts";

export const recordsOf = (dir: string): string => join(dir, "records");

export interface NewRecord {
  readonly addresses: readonly string[];
  /** Public host key of its sshd. */
  readonly key: string;
  /** Whether it runs NixOS with a supervisor; otherwise the vendor's image. */
  readonly managed: boolean;
}

/** Makes a machine with a unique id and a unique marker on its disk. */
export function writeRecord(records: string, name: string, { addresses, key, managed }: NewRecord): void {
  const place = join(records, name);
  const part = `${place}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(join(part, "secrets"), { recursive: true });
  const file = (path: string, text: string) => writeFileSync(join(part, path), `${text}\n`);
  file("addresses", addresses.join("\n"));
  file("power", "running");
  file("boot-id", randomUUID());
  file("machine-id", randomUUID().replaceAll("-", ""));
  file("disk", randomBytes(8).toString("hex"));
  file("key", key);
  if (managed) file("managed", "");
  rmSync(place, { recursive: true, force: true });
  renameSync(part, place);
}

/** The newest machine of each name, with the files of its disk. */
export function readRecords(records: string): Record<string, Record<string, string>> {
  if (!existsSync(records)) return {};
  return Object.fromEntries(
    readdirSync(records).map((name) => {
      const read = (path: string) => {
        const file = join(records, name, path);
        return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
      };
      const facts = ["addresses", "power", "machine-id", "disk", "key", "system"];
      return [name, Object.fromEntries(facts.map((fact) => [fact, read(fact)]))];
    }),
  );
}

const addressesOf = ({ ipv4, ipv6 }: { ipv4?: string; ipv6?: string }): string[] => [
  ...(ipv4 === undefined ? [] : [ipv4]),
  ...(ipv6 === undefined ? [] : [serverAddress6(ipv6)]),
];

export function createCompute(dir: string): Compute {
  const records = recordsOf(dir);
  const file = (name: string, path: string) => join(records, name, path);
  const exists = (name: string) => existsSync(join(records, name));
  const power = (name: string, now: "running" | "off") => {
    if (!exists(name)) throw new Error(`no machine ${name}`);
    const before = readFileSync(file(name, "power"), "utf8").trim();
    if (before === "off" && now === "running") writeFileSync(file(name, "boot-id"), `${randomUUID()}\n`);
    writeFileSync(file(name, "power"), `${now}\n`);
  };
  return {
    create: async (spec: MachineSpec) => {
      if (exists(spec.name)) return power(spec.name, "running");
      const data = spec.userData ? readUserData(spec.userData) : { authorizedKeys: [] };
      const key = (data.hostKey?.publicKey ?? "").trim().split(/\s+/).slice(0, 2).join(" ");
      writeRecord(records, spec.name, { addresses: addressesOf(spec), key, managed: false });
    },
    powerOn: async (name) => power(name, "running"),
    powerOff: async (name) => power(name, "off"),
    shutdown: async (name) => power(name, "off"),
    delete: async (name) => rmSync(join(records, name), { recursive: true, force: true }),
    status: async (name) =>
      exists(name) ? (readFileSync(file(name, "power"), "utf8").trim() as "running" | "off") : "missing",
    applyFirewall: async () => {},
    readdress: async (name, addresses) =>
      writeFileSync(file(name, "addresses"), `${addressesOf(addresses).join("\n")}\n`),
  };
}
