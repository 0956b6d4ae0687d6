/** The state of the emulated project, in one JSON file. Fields that are answered have the vendor's names. */

export type Labels = Record<string, string>;

export interface ActionRow {
  id: number;
  command: string;
  status: "running" | "success" | "error";
  progress: number;
  started: string;
  finished: string | null;
  error: { code: string; message: string } | null;
  resources: { id: number; type: string }[];
}

export interface ServerRow {
  id: number;
  name: string;
  /** Name of its machine: the server's first name, which a rename does not change. */
  machine: string;
  created: string;
  /** Unfinished work on the machine; `recover` finishes it after a kill. */
  phase: "creating" | "rebuilding" | "deleting" | null;
  /** The intended power state of the machine; the Compute has the current one. */
  power: "running" | "off";
  server_type: number;
  image: number;
  location: string;
  primary_disk_size: number;
  backup_window: string | null;
  protection: { delete: boolean; rebuild: boolean };
  labels: Labels;
  placement_group: number | null;
  authorized_keys: string[];
  user_data: string | null;
  root_password: string | null;
}

export interface SshKeyRow {
  id: number;
  name: string;
  fingerprint: string;
  public_key: string;
  labels: Labels;
  created: string;
}

export interface PrimaryIpRow {
  id: number;
  name: string;
  type: "ipv4" | "ipv6";
  ip: string;
  labels: Labels;
  protection: { delete: boolean };
  dns_ptr: { ip: string; dns_ptr: string }[];
  assignee_id: number | null;
  auto_delete: boolean;
  created: string;
  location: string;
}

export interface RuleRow {
  direction: "in" | "out";
  protocol: "tcp" | "udp" | "icmp" | "esp" | "gre";
  port: string | null;
  source_ips: string[];
  destination_ips: string[];
  description: string | null;
}

export interface FirewallRow {
  id: number;
  name: string;
  labels: Labels;
  created: string;
  rules: RuleRow[];
  servers: number[];
}

export interface PlacementGroupRow {
  id: number;
  name: string;
  type: "spread";
  labels: Labels;
  created: string;
}

export interface State {
  /** Ids are unique over all kinds and never reused, so an id of another kind is not found. */
  nextId: number;
  nextAddress: { ipv4: number; ipv6: number };
  actions: Record<number, ActionRow>;
  servers: Record<number, ServerRow>;
  ssh_keys: Record<number, SshKeyRow>;
  primary_ips: Record<number, PrimaryIpRow>;
  firewalls: Record<number, FirewallRow>;
  placement_groups: Record<number, PlacementGroupRow>;
}

/** Ids begin above those of the fixed lists (locations, server types). */
export const emptyState = (): State => ({
  nextId: 1_000_001,
  nextAddress: { ipv4: 0, ipv6: 0 },
  actions: {},
  servers: {},
  ssh_keys: {},
  primary_ips: {},
  firewalls: {},
  placement_groups: {},
});
