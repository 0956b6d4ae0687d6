/**
 * The interface between an emulated vendor of servers and the machines. The emulator keeps the vendor's objects;
 * every effect on a machine goes through this interface. `sandbox/machines/compute.ts` implements it with
 * namespaces and systemd-nspawn, `memory-compute.ts` with a map.
 */

/** A firewall rule in the form of a packet filter; addresses in CIDR notation. */
export interface FirewallRule {
  direction: "in" | "out";
  protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  /** `80`, `80-85`; absent for protocols without ports. */
  port?: string;
  /** Peers: sources of an inbound rule, destinations of an outbound one. */
  addresses: string[];
}

export interface MachineSpec {
  /** The server's id at the vendor. */
  id: number;
  /** Host name, which identifies the machine in every later call. */
  name: string;
  /** Public IPv4 address, without prefix length (a /32). */
  ipv4?: string;
  /** Public IPv6 network as the vendor assigns it, e.g. `2001:db8:1:2::/64`; the machine uses its `::1`. */
  ipv6?: string;
  /** Lines for root's authorized_keys. */
  authorizedKeys: string[];
  /** cloud-init user data, verbatim. */
  userData?: string;
  /** Packet filter that is active before the first boot, as in `applyFirewall`. */
  firewall: FirewallRule[] | null;
}

/** `missing`: neither machine nor disk exists. A rejected `status` call counts as `missing`. */
export type MachineStatus = "running" | "off" | "missing";

/**
 * All calls are idempotent: `create` starts a machine that exists; `powerOn` of a running machine and `delete`
 * of a missing one do nothing. A rejected promise becomes the error of the vendor's action.
 */
export interface Compute {
  /** Creates the machine's disk from the image and boots it; resolves when it is running. */
  create(spec: MachineSpec): Promise<void>;
  powerOn(name: string): Promise<void>;
  /** Stops the machine without a shutdown. */
  powerOff(name: string): Promise<void>;
  /** Shuts the system down; resolves when the machine is off. */
  shutdown(name: string): Promise<void>;
  /** Powers off and removes the machine with its disk. */
  delete(name: string): Promise<void>;
  status(name: string): Promise<MachineStatus>;
  /**
   * Replaces the packet filter. `null`: no firewall is applied, and all traffic passes. A list: inbound traffic
   * passes where a rule allows it, and on established connections; outbound traffic passes where a rule
   * allows it, or everywhere when there is no outbound rule.
   */
  applyFirewall(name: string, rules: FirewallRule[] | null): Promise<void>;
  /** Changes the public addresses of a machine that is off. Without it they change at the next `create`. */
  readdress?(name: string, addresses: { ipv4?: string; ipv6?: string }): Promise<void>;
}

/** The type of `createCompute` in `sandbox/machines/compute.ts`. */
export type CreateCompute = (dir: string, name: string) => Compute | Promise<Compute>;
