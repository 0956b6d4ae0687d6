import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../inventory/plan.ts";
import { unknownName } from "../../lib/names.ts";
import type { HostOutputs } from "../../outputs/contract.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { driverNamespace, netnsExec } from "../network/names.ts";
import { writeAtomic } from "./files.ts";
import type { Layout } from "./layout.ts";
import { readOutputs } from "./stack.ts";

export interface SshCommandArgs {
  readonly context: Pick<SandboxContext, "name">;
  readonly layout: Pick<Layout, "deployKey">;
  /** Path of a known_hosts file. */
  readonly knownHosts: string;
  /** USER@ADDRESS. */
  readonly target: string;
  /** Empty for a login shell. */
  readonly command: readonly string[];
}

/** argv of ssh to `target`; only a host key in `knownHosts` is accepted. */
export function sshCommand({
  context,
  layout,
  knownHosts,
  target,
  command,
}: SshCommandArgs): readonly string[] {
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "ConnectTimeout=10",
  ];
  return netnsExec(driverNamespace(context.name), [
    "ssh",
    "-i",
    layout.deployKey,
    ...options.flatMap((option) => ["-o", option]),
    target,
    ...command,
  ]);
}

/** The host's known_hosts line, from the stack's outputs. */
export function knownHostsLine(name: string, host: Pick<HostOutputs, "addresses" | "hostKey">): string {
  if (host.hostKey === undefined)
    throw new Error(`${name}: no host key in the stack's outputs yet; run tools/pantheros sandbox up`);
  const names = [name, host.addresses.ipv4, host.addresses.ipv6].filter((entry) => entry !== undefined);
  return `${names.join(",")} ${host.hostKey}\n`;
}

export interface SshToHostArgs {
  readonly context: SandboxContext;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly host: string;
  /** Empty for a login shell. */
  readonly command: readonly string[];
}

/** argv of ssh to a host, from the stack's outputs. An unknown name throws with the list of known hosts. */
export async function sshToHost({
  context,
  layout,
  plan,
  host: name,
  command,
}: SshToHostArgs): Promise<readonly string[]> {
  const outputs = await readOutputs(context);
  const host = outputs?.hosts[name];
  const address = host?.addresses.ipv4 ?? host?.addresses.ipv6;
  if (host === undefined || address === undefined) {
    throw new Error(
      `${unknownName("host", name, Object.keys(outputs?.hosts ?? {}))} (in the stack's outputs)`,
    );
  }
  const pins = join(layout.directory, "run", "published_hosts");
  const adopted = existsSync(layout.knownHosts) ? readFileSync(layout.knownHosts, "utf8") : "";
  writeAtomic(pins, host.hostKey === undefined ? adopted : knownHostsLine(name, host));
  return sshCommand({
    context,
    layout,
    knownHosts: pins,
    target: `${plan.inventory.deploy.user}@${address}`,
    command,
  });
}
