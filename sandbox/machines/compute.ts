import type { MachineAddresses } from "../network/plan.ts";
import type { Compute, MachineSpec } from "../vendors/compute.ts";
import { sandboxContext } from "./context.ts";
import { Machines, type NewMachine } from "./machines.ts";
import { readUserData, type UserData } from "./user-data.ts";

/** The server's address in its IPv6 network: its image configures `::1`. */
export function serverAddress6(network: string): string {
  return network.replace(/::(\/\d+)?$/, "::1");
}

function addressesOf(spec: { ipv4?: string; ipv6?: string }): MachineAddresses {
  return {
    ...(spec.ipv4 !== undefined && { ipv4: spec.ipv4 }),
    ...(spec.ipv6 !== undefined && { ipv6: serverAddress6(spec.ipv6) }),
  };
}

/** The machine of a server; root gets the server's SSH keys and those of the user data. */
export function machineOfServer(spec: MachineSpec): NewMachine {
  const none: UserData = { authorizedKeys: [] };
  const data = spec.userData === undefined || spec.userData === "" ? none : readUserData(spec.userData);
  const authorizedKeys = [
    ...new Set([...spec.authorizedKeys.map((key) => key.trim()), ...data.authorizedKeys]),
  ];
  return {
    name: spec.name,
    addresses: addressesOf(spec),
    firewall: spec.firewall,
    userData: { ...data, authorizedKeys },
  };
}

/** Runs the servers of an emulated vendor as machines of the sandbox `name` in `dir`. */
export function createCompute(dir: string, name: string, repository = process.cwd()): Compute {
  const machines = new Machines(sandboxContext(dir, name, repository));
  return {
    create: async (spec) => machines.create(machineOfServer(spec)),
    powerOn: (server) => machines.start(server),
    powerOff: (server) => machines.stop(server, "force"),
    shutdown: (server) => machines.stop(server, "clean"),
    delete: (server) => machines.delete(server),
    status: async (server) => machines.state(server),
    applyFirewall: (server, rules) => machines.applyFirewall(server, rules),
    readdress: (server, addresses) => machines.readdress(server, addressesOf(addresses)),
  };
}
