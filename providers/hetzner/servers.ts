/** Servers at Hetzner Cloud, as the fleet uses them. */
import * as pulumi from "@pulumi/pulumi";
import { HETZNER_ENDPOINT } from "../../clients/hetzner/api.ts";
import { bootstrapKeys } from "../../components/bootstrap-keys.ts";
import { isSelected } from "../../components/fleet/selection.ts";
import { formerNames } from "../../components/former-names.ts";
import type { Prepared, ServerProvider } from "../../components/provider.ts";
import { haveMachines } from "../../components/stack-state.ts";
import type { CreatedHost } from "../../inventory/plan.ts";
import { HetznerAccount } from "./account.ts";
import { type HetznerHost, isHetzner } from "./host.ts";
import { hetznerServerArgs, placementGroupNames } from "./mapping.ts";
import { powerOf, restorePower } from "./power.ts";
import { isResized, type Preflight, serverOf } from "./preflight.ts";
import { HetznerServer, type HetznerServerArgs } from "./server.ts";

type Context = Parameters<ServerProvider["prepare"]>[1];
type PreparedServers = Prepared<CreatedHost, HetznerServer>;

/** Arguments of a server that depend on its state at the vendor. */
type StateArgs = Pick<HetznerServerArgs, "onError" | "hasType"> & { readonly serverType?: string };

const MACHINE_TYPE = "pantheros:hetzner:Server";

/** Name, on the host, of the server's IPv6 ADDRESS/PREFIX, which Hetzner announces nowhere (nix/lib/uplink.nix). */
export const UPLINK_ADDRESS = "uplink-address";

const warn = (message: string): void => void pulumi.log.warn(message);

function stateArgs({ api, view, held }: Preflight, host: HetznerHost): StateArgs {
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

function declareWith(
  { plan, settings }: Context,
  argsOf: (host: HetznerHost) => StateArgs,
): PreparedServers["declare"] {
  return (hosts, parent) => {
    const account = new HetznerAccount(
      "hetzner",
      {
        stack: settings.stack,
        publicKeys: bootstrapKeys(plan, settings),
        placementGroups: placementGroupNames(hosts.filter(isHetzner)),
      },
      { parent },
    );
    return (host) => {
      if (!isHetzner(host)) throw new Error(`${host.name} is not a server at Hetzner Cloud`);
      const args = { ...hetznerServerArgs(host, plan, settings.stack, account), ...argsOf(host) };
      return new HetznerServer(host.name, args, { parent, ...formerNames(host) });
    };
  };
}

async function prepareWith(answer: Preflight, context: Context): Promise<PreparedServers> {
  const { plan, settings } = context;
  const { fleetFile: file } = settings;
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
    problems: held,
    declare: declareWith(context, (host) =>
      stateArgs(selected(host.name) ? answer : withHeld(answer, host.name), host),
    ),
  };
}

export const servers: ServerProvider = {
  name: "Hetzner Cloud",
  package: "hcloud",
  families: ["ipv4", "ipv6"],
  machineType: MACHINE_TYPE,
  serverType: "hcloud:index/server:Server",
  async prepare(answer, context) {
    const { plan } = context;
    const unchecked = { power: new Map(), problems: [], declare: declareWith(context, () => ({})) };
    if (answer === undefined) return unchecked;
    if (!("failure" in answer)) return prepareWith(answer as Preflight, context);
    // If this run creates a server, vendor-gates.ts reports the failure as an error.
    if (pulumi.runtime.isDryRun() || (await haveMachines(MACHINE_TYPE, plan.hosts.filter(isHetzner))))
      warn(`Hetzner Cloud does not answer, so nothing is checked before the run: ${answer.failure}`);
    return unchecked;
  },
  installSettings(host) {
    if (!isHetzner(host)) throw new Error(`${host.name} is not a server at Hetzner Cloud`);
    const endpoint = new pulumi.Config("hcloud").get("endpoint") ?? HETZNER_ENDPOINT;
    return { endpoint, image: host.provider.image };
  },
  bootFiles: ({ ipv6 }) => (ipv6 === undefined ? {} : { [UPLINK_ADDRESS]: `${ipv6}/64\n` }),
};
