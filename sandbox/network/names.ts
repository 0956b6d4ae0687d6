import { createHash } from "node:crypto";
import { shortName } from "../../lib/short-name.ts";

/** A machine's name is a DNS label. A sandbox's name is shorter, so that nspawn's name has room for both. */
const MAX_LENGTH = { sandbox: 23, machine: 63 } as const;

/** Of a machine in nspawn's name, which is a host name: sandbox, dot and machine have at most 64 characters. */
const MAX_NSPAWN_PART = 40;

/** Throws for a name that cannot be part of a namespace, cgroup or host name. */
export function checkName(what: "sandbox" | "machine", name: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name.length > MAX_LENGTH[what]) {
    throw new Error(
      `${what} name ${JSON.stringify(name)}: want a letter, then lower-case letters, digits and -, at most ${MAX_LENGTH[what]} characters`,
    );
  }
  return name;
}

/** Network namespace of the emulated vendors, the deploys and the emulated Internet. */
export function driverNamespace(sandbox: string): string {
  return `pantheros-${checkName("sandbox", sandbox)}`;
}

/** Network namespace of a machine. The dot separates machine `b` of sandbox `a` from a sandbox `a-b`. */
export function machineNamespace(sandbox: string, machine: string): string {
  return `${driverNamespace(sandbox)}.${checkName("machine", machine)}`;
}

/** Whether the namespace belongs to the sandbox. */
export function ownsNamespace(sandbox: string, namespace: string): boolean {
  const driver = driverNamespace(sandbox);
  return namespace === driver || namespace.startsWith(`${driver}.`);
}

/** The machine's name for systemd-nspawn. A long name is cut and gets a hash of the whole. */
export function nspawnName(sandbox: string, machine: string): string {
  checkName("machine", machine);
  return `${checkName("sandbox", sandbox)}.${shortName(machine, MAX_NSPAWN_PART)}`;
}

/** The machine's interface in the driver namespace; interface names have at most 15 characters (IFNAMSIZ). */
export function linkName(machine: string): string {
  checkName("machine", machine);
  if (machine.length <= 13) return `v-${machine}`;
  return `v-${machine.slice(0, 6)}${createHash("sha256").update(machine).digest("hex").slice(0, 7)}`;
}

export function namespacePath(namespace: string): string {
  return `/run/netns/${namespace}`;
}

/** argv that runs a command in a network namespace, with the namespace's own resolv.conf and hosts file. */
export function netnsExec(namespace: string, argv: readonly string[]): readonly string[] {
  return ["ip", "netns", "exec", namespace, ...argv];
}

/** The same without a mount namespace, for commands that make mounts or namespaces themselves. */
export function nsenterNet(namespace: string, argv: readonly string[]): readonly string[] {
  return ["nsenter", `--net=${namespacePath(namespace)}`, ...argv];
}
