import { createHash } from "node:crypto";
import { shortName } from "../../lib/short-name.ts";

/** A machine's is a DNS label. A sandbox's leaves room for one in the name that nspawn gives a machine. */
const LONGEST = { sandbox: 23, machine: 63 } as const;

/** Of a machine, in its name for nspawn: with a sandbox's and a dot that has to be a host name of at most 64 characters. */
const LONGEST_PART = 40;

/** Throws for a name that could not stand in a namespace, cgroup or host name. */
export function checkName(what: "sandbox" | "machine", name: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name.length > LONGEST[what]) {
    throw new Error(
      `${what} name ${JSON.stringify(name)}: want lower-case letters, digits and -, at most ${LONGEST[what]} of them`,
    );
  }
  return name;
}

/** Network namespace of everything that talks in the sandbox: the emulated vendors, deploys, the Internet. */
export function driverNamespace(sandbox: string): string {
  return `pantheros-${checkName("sandbox", sandbox)}`;
}

/** Network namespace of a machine. The dot keeps sandbox `a`, machine `b` apart from a sandbox `a-b`. */
export function machineNamespace(sandbox: string, machine: string): string {
  return `${driverNamespace(sandbox)}.${checkName("machine", machine)}`;
}

/** Is this one of the sandbox's namespaces? */
export function ownsNamespace(sandbox: string, namespace: string): boolean {
  const driver = driverNamespace(sandbox);
  return namespace === driver || namespace.startsWith(`${driver}.`);
}

/** What systemd-nspawn and machined call the machine. A long name is cut, and a hash of all of it keeps it apart from others. */
export function nspawnName(sandbox: string, machine: string): string {
  checkName("machine", machine);
  return `${checkName("sandbox", sandbox)}.${shortName(machine, LONGEST_PART)}`;
}

/** The machine's end in the driver namespace; interface names hold 15 characters (IFNAMSIZ). */
export function linkName(machine: string): string {
  checkName("machine", machine);
  if (machine.length <= 13) return `v-${machine}`;
  return `v-${machine.slice(0, 6)}${createHash("sha256").update(machine).digest("hex").slice(0, 7)}`;
}

export function namespacePath(namespace: string): string {
  return `/run/netns/${namespace}`;
}

/** argv prefix that runs a command in a namespace, with the resolv.conf that belongs to it. */
export function netnsExec(namespace: string, argv: readonly string[]): readonly string[] {
  return ["ip", "netns", "exec", namespace, ...argv];
}

/** The same for a command that makes mounts or namespaces itself: only the network is entered. */
export function nsenterNet(namespace: string, argv: readonly string[]): readonly string[] {
  return ["nsenter", `--net=${namespacePath(namespace)}`, ...argv];
}
