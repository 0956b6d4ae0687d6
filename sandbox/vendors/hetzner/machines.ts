import { addressesOf } from "./addresses.ts";
import type { MachineSpec, MachineStatus } from "./compute.ts";
import { filterOf } from "./firewall-rules.ts";
import type { Project } from "./project.ts";
import type { ServerRow, State } from "./state.ts";

/** Public addresses of a server in the form a machine takes. */
export function publicAddresses(state: State, server: ServerRow): { ipv4?: string; ipv6?: string } {
  return Object.fromEntries(addressesOf(state, server.id).map((row) => [row.type, row.ip]));
}

function machineSpec(state: State, server: ServerRow): MachineSpec {
  return {
    id: server.id,
    name: server.machine,
    ...publicAddresses(state, server),
    authorizedKeys: server.authorized_keys,
    ...(server.user_data === null ? {} : { userData: server.user_data }),
    firewall: filterOf(state, server),
  };
}

/** What the machine is doing now; a Compute that cannot say counts as not having it. */
export async function observe(project: Project, server: ServerRow): Promise<MachineStatus> {
  if (server.phase !== null) return "off";
  try {
    return await project.compute.status(server.machine);
  } catch (error) {
    project.log(`status of ${server.machine}: ${error instanceof Error ? error.message : String(error)}`);
    return "missing";
  }
}

/** Sets the packet filter of a server's machine as its firewalls want it now. */
export const refilter = (project: Project, server: ServerRow) =>
  project.compute.applyFirewall(server.machine, filterOf(project.state, server));

/** Makes (or makes anew) the machine of a server and ends its phase. */
export async function build(project: Project, server: ServerRow): Promise<void> {
  if (server.phase === "rebuilding") await project.compute.delete(server.machine);
  await project.compute.create(machineSpec(project.state, server));
  await refilter(project, server);
  if (server.power === "off") await project.compute.powerOff(server.machine);
  server.phase = null;
}

/** Removes the machine, then the server and its addresses marked `auto_delete`. */
export async function demolish(project: Project, server: ServerRow): Promise<void> {
  await project.compute.delete(server.machine);
  const { state } = project;
  for (const address of addressesOf(state, server.id)) {
    if (address.auto_delete) delete state.primary_ips[address.id];
    else address.assignee_id = null;
  }
  for (const firewall of Object.values(state.firewalls)) {
    firewall.servers = firewall.servers.filter((id) => id !== server.id);
  }
  delete state.servers[server.id];
  await project.reverse?.publish();
}

/**
 * Start-up: ends what a killed emulator had begun (creating, rebuilding, deleting), starts machines that should run,
 * and sets packet filters again. A machine that vanished with its disk is not made anew, as that would pass off an
 * empty system as the old one: its server answers with status `unknown` until it is rebuilt or deleted.
 */
export async function recover(project: Project): Promise<void> {
  const failed = new Set<number>();
  const servers = Object.values(project.state.servers);
  await Promise.all(
    servers.map((server) =>
      recoverServer(project, server).catch((error: unknown) => {
        failed.add(server.id);
        project.log(`recovering ${server.name}: ${error instanceof Error ? error.message : String(error)}`);
      }),
    ),
  );
  project.actions.closeAbandoned(failed);
  project.store.commit();
}

async function recoverServer(project: Project, server: ServerRow): Promise<void> {
  if (server.phase === "deleting") return demolish(project, server);
  if (server.phase !== null) return build(project, server);
  const status = await observe(project, server);
  if (status === "missing") throw new Error("its machine is gone");
  if (status === "off" && server.power === "running") await project.compute.powerOn(server.machine);
  if (server.power === "running") await refilter(project, server);
}
