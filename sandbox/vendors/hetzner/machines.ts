import { messageOf } from "../../../lib/message-of.ts";
import type { MachineSpec, MachineStatus } from "../compute.ts";
import { addressesOf } from "./addresses.ts";
import { filterOf } from "./firewall-rules.ts";
import type { Project } from "./project.ts";
import type { ServerRow, State } from "./state.ts";

/** Public addresses of a server in the form of a machine. */
export function publicAddresses(state: State, server: ServerRow): { ipv4?: string; ipv6?: string } {
  return Object.fromEntries(addressesOf(state, server.id).map((row) => [row.type, row.ip]));
}

function machineSpec(state: State, server: ServerRow): MachineSpec {
  return {
    id: server.id,
    name: server.machine,
    ...publicAddresses(state, server),
    authorizedKeys: server.authorized_keys,
    ...(server.user_data !== null && { userData: server.user_data }),
    firewall: filterOf(state, server),
  };
}

/** The current state of the machine; `missing` when the Compute fails. */
export async function observe(project: Project, server: ServerRow): Promise<MachineStatus> {
  if (server.phase !== null) return "off";
  try {
    return await project.compute.status(server.machine);
  } catch (error) {
    project.log(`status of ${server.machine}: ${messageOf(error)}`);
    return "missing";
  }
}

/** Sets the packet filter of a server's machine from its firewalls. */
export const updateFilter = (project: Project, server: ServerRow) =>
  project.compute.applyFirewall(server.machine, filterOf(project.state, server));

/** Creates or rebuilds the machine of a server and ends its phase. */
export async function build(project: Project, server: ServerRow): Promise<void> {
  if (server.phase === "rebuilding") await project.compute.delete(server.machine);
  await project.compute.create(machineSpec(project.state, server));
  await updateFilter(project, server);
  if (server.power === "off") await project.compute.powerOff(server.machine);
  server.phase = null;
}

/** Deletes the machine, then the server and its addresses with `auto_delete`. */
export async function deleteServer(project: Project, server: ServerRow): Promise<void> {
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
 * At start-up: finishes what a killed emulator left unfinished (creating, rebuilding, deleting), starts the
 * machines that should run, and sets packet filters again. A machine that was lost with its disk is not
 * created again, since an empty system would replace it unnoticed: its server has status `unknown` until it
 * is rebuilt or deleted.
 */
export async function recover(project: Project): Promise<void> {
  const failed = new Set<number>();
  const servers = Object.values(project.state.servers);
  await Promise.all(
    servers.map((server) =>
      recoverServer(project, server).catch((error: unknown) => {
        failed.add(server.id);
        project.log(`recovering ${server.name}: ${messageOf(error)}`);
      }),
    ),
  );
  project.actions.closeAbandoned(failed);
  project.store.commit();
}

async function recoverServer(project: Project, server: ServerRow): Promise<void> {
  if (server.phase === "deleting") return deleteServer(project, server);
  if (server.phase !== null) return build(project, server);
  const status = await observe(project, server);
  if (status === "missing") throw new Error("its machine does not exist");
  if (status === "off" && server.power === "running") await project.compute.powerOn(server.machine);
  if (server.power === "running") await updateFilter(project, server);
}
