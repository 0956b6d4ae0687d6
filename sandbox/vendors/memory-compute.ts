import type { Compute, FirewallRule, MachineSpec, MachineStatus } from "./compute.ts";

interface MemoryMachine {
  spec: MachineSpec;
  power: "running" | "off";
  firewall: FirewallRule[] | null;
}

/** Machines as entries of a map, for tests and for use without root. */
export class MemoryCompute implements Compute {
  readonly machines = new Map<string, MemoryMachine>();

  async create(spec: MachineSpec): Promise<void> {
    this.machines.set(spec.name, { spec, power: "running", firewall: spec.firewall });
  }

  async powerOn(name: string): Promise<void> {
    this.#machine(name).power = "running";
  }

  async powerOff(name: string): Promise<void> {
    this.#machine(name).power = "off";
  }

  async shutdown(name: string): Promise<void> {
    this.#machine(name).power = "off";
  }

  async delete(name: string): Promise<void> {
    this.machines.delete(name);
  }

  async status(name: string): Promise<MachineStatus> {
    return this.machines.get(name)?.power ?? "missing";
  }

  async applyFirewall(name: string, rules: FirewallRule[] | null): Promise<void> {
    this.#machine(name).firewall = rules;
  }

  async readdress(name: string, addresses: { ipv4?: string; ipv6?: string }): Promise<void> {
    const machine = this.#machine(name);
    const { ipv4: _4, ipv6: _6, ...rest } = machine.spec;
    machine.spec = { ...rest, ...addresses };
  }

  #machine(name: string): MemoryMachine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }
}
