import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, run } from "../machines/command.ts";
import { withLock } from "../machines/lock.ts";
import type { FirewallRule } from "../vendors/compute.ts";
import { type Cable, cableScript } from "./cable.ts";
import { firewallScript } from "./firewall.ts";
import {
  checkName,
  driverNamespace,
  machineNamespace,
  namespacePath,
  nsenterNet,
  ownsNamespace,
} from "./names.ts";
import {
  DRIVER_RESOLV_CONF,
  driverCommands,
  type MachineAddresses,
  machineCommands,
  RUNNER_ADDRESS6,
  removeDriverCommands,
  removeMachineCommands,
  tailnetAddress,
} from "./plan.ts";

const NETNS_CONFIGURATION = "/etc/netns";

async function runEach(step: string, commands: readonly (readonly string[])[]): Promise<void> {
  for (const argv of commands) await run(argv, { step });
}

/** True when the last of `driverCommands`, which brings lo up, was run. */
async function driverIsComplete(sandbox: string): Promise<boolean> {
  const driver = driverNamespace(sandbox);
  const resolver = join(NETNS_CONFIGURATION, driver, "resolv.conf");
  if (!existsSync(namespacePath(driver)) || !existsSync(resolver)) return false;
  const answer = await attempt(["ip", "-n", driver, "addr", "show", "dev", "lo", "up"], { step: "network" });
  return answer.code === 0 && answer.stdout.includes(RUNNER_ADDRESS6);
}

/** A file for each sandbox name with the directory that owns it; a reboot removes it, as it removes the namespaces. */
const OWNERS = "/run/pantheros";

/** Another directory owns a sandbox of this name, with its namespaces and cgroups. */
class NameTakenError extends Error {
  constructor(sandbox: string, owner: string) {
    super(
      `the sandbox name ${sandbox} is in use by ${owner}: run \`tools/pantheros sandbox down\` there, or set PANTHEROS_SANDBOX_NAME to a different name`,
    );
    this.name = "NameTakenError";
  }
}

/** Records `directory` as the owner of the name. Throws NameTakenError when another existing directory owns it. */
export function claimName(sandbox: string, directory: string): void {
  const file = join(OWNERS, checkName("sandbox", sandbox));
  const owner = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (owner === directory) return;
  if (owner !== "" && existsSync(owner)) throw new NameTakenError(sandbox, owner);
  mkdirSync(OWNERS, { recursive: true });
  writeFileSync(file, `${directory}\n`);
}

/**
 * Makes the driver namespace when it is absent or incomplete. Several processes may call it at once.
 */
export async function ensureDriver(sandbox: string, directory: string): Promise<void> {
  claimName(sandbox, directory);
  if (await driverIsComplete(sandbox)) return;
  await withLock(join(directory, "run", "network.lock"), 60, async () => {
    if (await driverIsComplete(sandbox)) return;
    const driver = driverNamespace(sandbox);
    const configuration = join(NETNS_CONFIGURATION, driver);
    mkdirSync(configuration, { recursive: true });
    writeFileSync(join(configuration, "resolv.conf"), DRIVER_RESOLV_CONF);
    writeFileSync(join(configuration, "hosts"), "127.0.0.1 localhost\n::1 localhost\n");
    if (existsSync(namespacePath(driver))) await runEach("network", removeDriverCommands(sandbox));
    await runEach("network", driverCommands(sandbox));
  });
}

/** Makes the machine's namespace and link; replaces those of an earlier start. */
export async function connectMachine(
  sandbox: string,
  machine: string,
  addresses: MachineAddresses,
): Promise<void> {
  await disconnectMachine(sandbox, machine);
  await runEach(`network of ${machine}`, machineCommands(sandbox, machine, addresses));
}

/** The file with the tailnet's MagicDNS suffix, written by `up`; absent without a tailnet. */
export const tailnetSuffixFile = (directory: string): string => join(directory, "run", "tailnet-suffix");

/** Emulates MagicDNS: adds the machine's tailnet name to the driver namespace's hosts file. */
export async function addTailnetName(
  sandbox: string,
  directory: string,
  machine: string,
  { ipv4 }: MachineAddresses,
): Promise<void> {
  const file = tailnetSuffixFile(directory);
  const suffix = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (suffix === "" || ipv4 === undefined) return;
  await withLock(join(directory, "run", "network.lock"), 60, async () => {
    const hosts = join(NETNS_CONFIGURATION, driverNamespace(sandbox), "hosts");
    const name = `${machine}.${suffix}`;
    const others = (existsSync(hosts) ? readFileSync(hosts, "utf8") : "")
      .split("\n")
      .filter((line) => line !== "" && !line.endsWith(` ${name}`));
    // Written in place: `ip netns exec` bind-mounts this file as /etc/hosts.
    writeFileSync(hosts, `${[...others, `${tailnetAddress(ipv4)} ${name}`].join("\n")}\n`);
  });
}

export async function disconnectMachine(sandbox: string, machine: string): Promise<void> {
  if (!existsSync(namespacePath(machineNamespace(sandbox, machine)))) return;
  for (const argv of removeMachineCommands(sandbox, machine)) await attempt(argv, { step: "network" });
}

/** Enforces the rules on the machine's link; null: no firewall. */
export async function enforceFirewall(
  sandbox: string,
  machine: string,
  rules: readonly FirewallRule[] | null,
): Promise<void> {
  await run(nsenterNet(driverNamespace(sandbox), ["nft", "-f", "-"]), {
    step: `firewall of ${machine}`,
    input: firewallScript(machine, rules),
  });
}

/** Sets the state of the machine's link; it also lasts over later starts of the machine. */
export async function setCable(sandbox: string, machine: string, cable: Cable): Promise<void> {
  await run(nsenterNet(driverNamespace(sandbox), ["nft", "-f", "-"]), {
    step: `cable of ${machine}`,
    input: cableScript(machine, cable),
  });
}

/** The sandbox's network namespaces. */
export function sandboxNamespaces(sandbox: string): readonly string[] {
  if (!existsSync("/run/netns")) return [];
  return readdirSync("/run/netns").filter((name) => ownsNamespace(sandbox, name));
}

/** Remove every namespace of the sandbox, with links and rules, and its resolv.conf. */
export async function removeNetwork(sandbox: string): Promise<void> {
  for (const namespace of sandboxNamespaces(sandbox)) {
    await attempt(["ip", "netns", "del", namespace], { step: "network" });
  }
  rmSync(join(NETNS_CONFIGURATION, driverNamespace(sandbox)), { recursive: true, force: true });
  rmSync(join(OWNERS, sandbox), { force: true });
  for (const directory of [NETNS_CONFIGURATION, OWNERS]) {
    if (existsSync(directory) && readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
  }
}
