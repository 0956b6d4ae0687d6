/**
 * Refuses a change of a host's SSH port that would make the host unreachable: firewalls and the
 * tailnet's policy change before its deploy.
 */
import * as pulumi from "@pulumi/pulumi";
import { readDeployResult } from "../../deployer/protocol/result.ts";
import { isExisting, type Plan } from "../../inventory/plan.ts";
import { addressPortOf, isReachedPublicly, sshPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import type { Settings } from "../../settings/settings.ts";
import { succeeded } from "../nixos-host/token.ts";
import { type CommandsByName, commandsIn, readStackStateIfAny, type StackState } from "../stack-state.ts";

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Address and port of a host's last deploy; undefined: there is none, or it did not succeed. */
function deployedEndpoint(commands: CommandsByName, host: string | undefined): Endpoint | undefined {
  const name = `${host}-deploy`;
  const { environment, stdout } = commands.get(name) ?? {};
  const spec = (environment as Record<string, unknown> | undefined)?.["PANTHEROS_DEPLOY"];
  if (typeof spec !== "string") return undefined;
  if (!succeeded(readDeployResult(name, typeof stdout === "string" ? stdout : "").outcome)) return undefined;
  const { address, port } = JSON.parse(spec) as Record<string, unknown>;
  return typeof address === "string" && typeof port === "number" ? { address, port } : undefined;
}

/** One line for each host whose port changes without `former_port`. */
export function movedPortProblems(plan: Plan, settings: Settings, state: StackState): string[] {
  const { inventory } = plan;
  const { tailnet } = inventory;
  const commands = commandsIn(state);
  return plan.hosts.flatMap((host): string[] => {
    const last = deployedEndpoint(commands, host.name) ?? deployedEndpoint(commands, host.formerly);
    if (last === undefined) return [];
    const publicly = isReachedPublicly(inventory, host) || tailnet === undefined;
    const port = publicly ? addressPortOf(inventory, host) : sshPortOf(inventory, host);
    if (last.port === port || last.port === host.ssh.formerPort) return [];
    // Behind a port forward the port is not sshd's own. So ports are compared only at the same
    // address, or without a forward before and now. Created servers have none, and the tailnet has
    // none, whatever the device's name: it may have joined as NAME-1.
    const wasDirect =
      !isExisting(host) || (tailnet !== undefined && last.address.endsWith(`.${tailnet.suffix}`));
    const isDirect = port === sshPortOf(inventory, host);
    const own = isExisting(host)
      ? (entryOf(settings.addresses, host.name) ?? host.provider.address)
      : undefined;
    const sameAddress = publicly && (own === undefined || own === last.address);
    if (!sameAddress && !(wasDirect && isDirect)) return [];
    return [
      `${settings.fleetFile}: hosts.${host.name}.ssh.port: its sshd listens on port ${last.port} since the last deploy, and ` +
        `would not be reached at port ${port} before the next one: add \`former_port = ${last.port}\` to [hosts.${host.name}.ssh], ` +
        "and remove it after the deploy",
    ];
  });
}

/**
 * Must run before the first resource.
 * @throws pulumi.RunError with one line for each of these hosts
 */
export async function refuseMovedPorts(plan: Plan, settings: Settings): Promise<void> {
  const state = await readStackStateIfAny();
  if (state === undefined) return;
  const problems = movedPortProblems(plan, settings, state);
  if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
}
