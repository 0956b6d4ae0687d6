/**
 * Refuses a change of a host's SSH port that would make the host unreachable: firewalls and the
 * tailnet's policy change before its deploy.
 */
import * as pulumi from "@pulumi/pulumi";
import { readDeployResult } from "../../deployer/protocol/result.ts";
import type { Plan } from "../../inventory/plan.ts";
import { addressPortOf, sshPortOf } from "../../inventory/ssh.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { Settings } from "../../settings/settings.ts";
import { isReachedPublicly } from "../hetzner-server/mapping.ts";
import { succeeded } from "../nixos-host/token.ts";
import { readStackStateIfAny, type StackState } from "../stack-state.ts";

/** Address and port of each host's last successful deploy, by the name of the deploy's resource. */
function deployedEndpoints({ outputs }: StackState): Map<string, { address?: unknown; port?: unknown }> {
  return new Map(
    Object.entries(outputs).flatMap(([urn, { type, outputs: command }]) => {
      const name = nameOfUrn(urn);
      const spec = (command["environment"] as Record<string, unknown> | undefined)?.["PANTHEROS_DEPLOY"];
      if (type !== "command:local:Command" || !name.endsWith("-deploy") || typeof spec !== "string")
        return [];
      const stdout = typeof command["stdout"] === "string" ? command["stdout"] : "";
      if (!succeeded(readDeployResult(name, stdout).outcome)) return [];
      return [[name, JSON.parse(spec) as object] as const];
    }),
  );
}

/** One line for each host whose port changes without `former_port`. */
export function movedPortProblems(plan: Plan, settings: Settings, state: StackState): string[] {
  const { inventory } = plan;
  const { tailnet } = inventory;
  const deployed = deployedEndpoints(state);
  return plan.hosts.flatMap((host): string[] => {
    const last = deployed.get(`${host.name}-deploy`) ?? deployed.get(`${host.formerly}-deploy`);
    if (typeof last?.port !== "number") return [];
    const publicly = isReachedPublicly(inventory, host) || tailnet === undefined;
    const port = publicly ? addressPortOf(inventory, host) : sshPortOf(inventory, host);
    if (last.port === port || last.port === host.ssh.formerPort) return [];
    const own = host.provider.kind === "existing" ? host.provider.address : undefined;
    const address = publicly
      ? (entryOf(settings.addresses, host.name) ?? own)
      : `${host.name}.${tailnet.suffix}`;
    // At another address the same sshd may have another port, as behind a port forward.
    if (address !== undefined && address !== last.address) return [];
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
