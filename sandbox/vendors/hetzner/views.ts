import type { MachineStatus } from "../compute.ts";
import { locations, type ServerType, type SystemImage, serverTypes, systemImages } from "./catalog.ts";
import { firewallsOf } from "./firewall-rules.ts";
import type { PrimaryIpRow, ServerRow, State } from "./state.ts";

export const money = (value: number) => ({ net: value.toFixed(10), gross: (value * 1.19).toFixed(16) });
const TERABYTE = 1024 ** 4;

const locationView = (name: string) => locations.find((location) => location.name === name) ?? null;

export function serverTypeView(type: ServerType) {
  const { monthly, locations: places, ...fixed } = type;
  return {
    ...fixed,
    description: type.name.toUpperCase(),
    storage_type: "local",
    deprecated: false,
    deprecation: null,
    included_traffic: 0,
    prices: places.map((place) => ({
      location: place,
      price_hourly: money(monthly / 624),
      price_monthly: money(monthly),
      included_traffic: 20 * TERABYTE,
      price_per_tb_traffic: money(1),
    })),
    locations: locations
      .filter((location) => places.includes(location.name))
      .map(({ id, name }) => ({ id, name, recommended: true, available: true, deprecation: null })),
  };
}

const serverTypeById = (id: number) => {
  const type = serverTypes.find((candidate) => candidate.id === id);
  return type === undefined ? null : serverTypeView(type);
};

export const imageView = (image: SystemImage) => ({
  ...image,
  status: "available",
  type: "system",
  image_size: null,
  created: "2025-08-11T08:00:00+00:00",
  created_from: null,
  bound_to: null,
  rapid_deploy: true,
  protection: { delete: false },
  deprecated: null,
  deleted: null,
  labels: {},
});

export const primaryIpView = (row: PrimaryIpRow) => ({
  ...row,
  assignee_type: "server",
  blocked: false,
  location: locationView(row.location),
});

/** The vendor's status of a server: its unfinished work, or the state of its machine. */
function serverStatus(row: ServerRow, observed: MachineStatus): string {
  if (row.phase === "creating") return "initializing";
  if (row.phase === "rebuilding") return "rebuilding";
  if (row.phase === "deleting") return "deleting";
  return observed === "missing" ? "unknown" : observed;
}

function publicNet(state: State, server: ServerRow) {
  const of = (type: "ipv4" | "ipv6") =>
    Object.values(state.primary_ips).find((row) => row.assignee_id === server.id && row.type === type);
  const ipv4 = of("ipv4");
  const ipv6 = of("ipv6");
  return {
    ipv4: ipv4 && { id: ipv4.id, ip: ipv4.ip, blocked: false, dns_ptr: ipv4.dns_ptr[0]?.dns_ptr ?? "" },
    ipv6: ipv6 && { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: ipv6.dns_ptr },
    floating_ips: [],
    firewalls: firewallsOf(state, server).map((firewall) => ({ id: firewall.id, status: "applied" })),
  };
}

export function serverView(state: State, row: ServerRow, observed: MachineStatus) {
  const net = publicNet(state, row);
  const image = systemImages.find((candidate) => candidate.id === row.image);
  const group = row.placement_group === null ? undefined : state.placement_groups[row.placement_group];
  return {
    id: row.id,
    name: row.name,
    status: serverStatus(row, observed),
    created: row.created,
    public_net: { ...net, ipv4: net.ipv4 ?? null, ipv6: net.ipv6 ?? null },
    private_net: [],
    server_type: serverTypeById(row.server_type),
    location: locationView(row.location),
    image: image === undefined ? null : imageView(image),
    iso: null,
    rescue_enabled: false,
    locked: row.phase !== null,
    backup_window: row.backup_window,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 20 * TERABYTE,
    primary_disk_size: row.primary_disk_size,
    protection: row.protection,
    labels: row.labels,
    volumes: [],
    load_balancers: [],
    placement_group: group === undefined ? null : placementGroupView(state, group.id),
  };
}

export function placementGroupView(state: State, id: number) {
  const row = state.placement_groups[id];
  const servers = Object.values(state.servers).flatMap((server) =>
    server.placement_group === id ? [server.id] : [],
  );
  return row === undefined ? null : { ...row, servers };
}
