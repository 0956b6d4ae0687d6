/** The stack's servers at the start of a run, and what the run does to them outside of Pulumi's resources. */
import * as pulumi from "@pulumi/pulumi";
import { type HetznerHost, isHetzner, type Plan } from "../../inventory/plan.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { Settings } from "../../settings/settings.ts";
import { powerOf, restorePower } from "../hetzner-server/power.ts";
import { isResized, serverOf } from "../hetzner-server/preflight.ts";
import type { HetznerServerArgs } from "../hetzner-server/server.ts";
import type { HostPower } from "../nixos-host/power.ts";
import { readStackStateIfAny } from "../stack-state.ts";
import type { Preflight, PreflightResult } from "./preflight.ts";
import { isSelected } from "./selection.ts";

export interface Servers {
  /** Hosts whose servers are off or start in this run. */
  readonly power: ReadonlyMap<string, HostPower>;
  /** Arguments of a server that depend on its state at the vendor. */
  readonly argsOf: (
    host: HetznerHost,
  ) => Pick<HetznerServerArgs, "onError" | "hasType"> & { readonly serverType?: string };
  /** Further problems of the stack, each naming its host. */
  readonly problems: readonly string[];
}

/** Used when the vendor gave no answer. */
export const UNCHECKED_SERVERS: Servers = { power: new Map(), argsOf: () => ({}), problems: [] };

const warn = (message: string): void => void pulumi.log.warn(message);

function argsOf({ api, view, held }: Preflight, host: HetznerHost): ReturnType<Servers["argsOf"]> {
  const server = serverOf(view, host);
  if (!isResized(host, server)) return { hasType: server !== undefined };
  if (held.has(host.name)) return { serverType: server.server_type.name };
  // A preview changes nothing, so there is nothing to restore.
  if (pulumi.runtime.isDryRun()) return {};
  const hook = new pulumi.ErrorHook(`put-back-${host.name}`, async ({ failedOperation }) => {
    if (failedOperation === "update") await restorePower(server, api, warn);
    return false;
  });
  return { onError: [hook] };
}

/** The answer, with a server whose type this run does not change. */
const withHeld = (answer: Preflight, host: string): Preflight => ({
  ...answer,
  held: new Map([...answer.held, [host, "not selected"]]),
});

/** Whether the stack's state has a server for each host. */
async function haveServers(hosts: readonly HetznerHost[]): Promise<boolean> {
  const state = await readStackStateIfAny();
  const servers = new Set(
    Object.entries(state?.outputs ?? {}).flatMap(([urn, { type }]) =>
      type === "pantheros:hetzner:Server" ? [nameOfUrn(urn)] : [],
    ),
  );
  return hosts.every(({ name, formerly = name }) => servers.has(name) || servers.has(formerly));
}

/**
 * Stops a run that the vendor would refuse, logs warnings, and powers servers on.
 * @throws pulumi.RunError with one line for each problem, before any resource is registered.
 */
export async function prepareServers(
  answer: PreflightResult,
  plan: Plan,
  settings: Settings,
): Promise<Servers> {
  const { fleetFile: file } = settings;
  if (answer === undefined) return UNCHECKED_SERVERS;
  if ("failure" in answer) {
    // If this run creates a server, vendor-gates.ts reports the failure as an error.
    if (pulumi.runtime.isDryRun() || (await haveServers(plan.hosts.filter(isHetzner))))
      warn(`Hetzner Cloud does not answer, so nothing is checked before the run: ${answer.failure}`);
    return UNCHECKED_SERVERS;
  }
  if (answer.problems.length > 0) {
    throw new pulumi.RunError(answer.problems.map((problem) => `${file}: ${problem}`).join("\n"));
  }
  const selected = isSelected(plan, settings.selection);
  const held = [...answer.held]
    .filter(([host]) => selected(host))
    .map(([host, reason]) => `hosts.${host}.provider.server_type: ${reason}`);
  for (const line of [...answer.warnings, ...held]) warn(`${file}: ${line}`);
  const preview = pulumi.runtime.isDryRun();
  const power = await Promise.all(
    plan.hosts.filter(isHetzner).map(async (host) => {
      // A server that is not selected is neither resized nor powered on.
      if (!selected(host.name)) return [];
      const server = serverOf(answer.view, host);
      if (server === undefined) return [];
      const resized = isResized(host, server) && !answer.held.has(host.name);
      const found = await powerOf({ host, server, resized, preview, api: answer.api, report: warn });
      return found === undefined ? [] : [[host.name, found] as const];
    }),
  );
  return {
    power: new Map(power.flat()),
    argsOf: (host) => argsOf(selected(host.name) ? answer : withHeld(answer, host.name), host),
    problems: held,
  };
}
