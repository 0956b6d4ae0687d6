/**
 * What the emulated Hetzner Cloud API asks of the thing that runs machines. The API keeps the vendor's
 * objects; everything a real machine would notice goes through this interface. `sandbox/machines/compute.ts`
 * implements it with namespaces and systemd-nspawn, `memory-compute.ts` with a map.
 */

/** A firewall rule as a machine's packet filter needs it; addresses in CIDR notation. */
export interface FirewallRule {
  direction: "in" | "out";
  protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  /** `80`, `80-85`, or absent for protocols without ports. */
  port?: string;
  /** Peers: sources of an inbound rule, destinations of an outbound one. */
  addresses: string[];
}

export interface MachineSpec {
  /** The server's id at the vendor. */
  id: number;
  /** Host name and key of the machine in every later call. */
  name: string;
  /** Public IPv4 address, without prefix length (a /32). */
  ipv4?: string;
  /** Public IPv6 network as the vendor assigns it, e.g. `2001:db8:1:2::/64`; the machine uses its `::1`. */
  ipv6?: string;
  /** Lines for root's authorized_keys. */
  authorizedKeys: string[];
  /** cloud-init user data, verbatim. */
  userData?: string;
  /** Packet filter to set up before the first boot, as in `applyFirewall`. */
  firewall: FirewallRule[] | null;
}

/** `missing`: no such machine (its disk is gone too). A rejected `status` call is read as `missing`. */
export type MachineStatus = "running" | "off" | "missing";

/**
 * All calls are safe to repeat: `create` of a machine that exists starts it if need be, `powerOn` of a running
 * one and `delete` of an absent one do nothing. A rejected promise becomes the error of the vendor's action.
 */
export interface Compute {
  /** Makes the machine's disk from the image and boots it; resolves when it is running. */
  create(spec: MachineSpec): Promise<void>;
  powerOn(name: string): Promise<void>;
  /** Cuts the power. */
  powerOff(name: string): Promise<void>;
  /** Asks the system to shut down and resolves when it is off. */
  shutdown(name: string): Promise<void>;
  /** Powers off and removes the machine with its disk. */
  delete(name: string): Promise<void>;
  status(name: string): Promise<MachineStatus>;
  /**
   * Replaces the packet filter. `null`: no firewall is attached, everything passes. A list: inbound traffic
   * passes only where a rule allows it (established connections always do); outbound traffic passes unless
   * there is at least one outbound rule, then only where one allows it.
   */
  applyFirewall(name: string, rules: FirewallRule[] | null): Promise<void>;
  /** Gives a powered-off machine other public addresses. Without it such a change holds from the next create. */
  readdress?(name: string, addresses: { ipv4?: string; ipv6?: string }): Promise<void>;
}

/** What `sandbox/machines/compute.ts` exports as `createCompute`. */
export type CreateCompute = (dir: string, name: string) => Compute | Promise<Compute>;
