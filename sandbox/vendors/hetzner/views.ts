import { firstHost } from "./addresses.ts";
import { isos, locations, type ServerType, type SystemImage, serverTypes, systemImages } from "./catalog.ts";
import type { MachineStatus } from "./compute.ts";
import { firewallsOf } from "./firewall-rules.ts";
import type { PrimaryIpRow, ServerRow, SnapshotRow, State, VolumeRow } from "./state.ts";

const money = (value: number) => ({ net: value.toFixed(10), gross: (value * 1.19).toFixed(16) });
const TERABYTE = 1024 ** 4;

export const locationView = (name: string) => locations.find((location) => location.name === name) ?? null;

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

export const serverTypeById = (id: number) => {
  const type = serverTypes.find((candidate) => candidate.id === id);
  return type === undefined ? null : serverTypeView(type);
};

export const systemImageView = (image: SystemImage) => ({
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

export function snapshotView(row: SnapshotRow) {
  const base = systemImages.find((image) => image.id === row.base);
  return {
    id: row.id,
    name: null,
    description: row.description,
    type: row.type,
    status: "available",
    image_size: 1.5,
    disk_size: row.disk_size,
    created: row.created,
    created_from: row.created_from,
    bound_to: row.bound_to,
    os_flavor: base?.os_flavor ?? "unknown",
    os_version: base?.os_version ?? null,
    architecture: base?.architecture ?? "x86",
    rapid_deploy: false,
    protection: row.protection,
    deprecated: null,
    deleted: null,
    labels: row.labels,
  };
}

export function imageView(state: State, id: number) {
  const image = systemImages.find((candidate) => candidate.id === id);
  if (image !== undefined) return systemImageView(image);
  const snapshot = state.snapshots[id];
  return snapshot === undefined ? null : snapshotView(snapshot);
}

export const primaryIpView = (row: PrimaryIpRow) => ({
  ...row,
  assignee_type: "server",
  blocked: false,
  location: locationView(row.location),
});

export const volumeView = (row: VolumeRow) => ({
  ...row,
  status: "available",
  location: locationView(row.location),
  linux_device: `/dev/disk/by-id/scsi-0HC_Volume_${row.id}`,
});

/** The vendor's word for what a machine does, given what is under way and what was observed. */
export function serverStatus(row: ServerRow, observed: MachineStatus): string {
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
  const group = row.placement_group === null ? undefined : state.placement_groups[row.placement_group];
  return {
    id: row.id,
    name: row.name,
    status: serverStatus(row, observed),
    created: row.created,
    public_net: { ...net, ipv4: net.ipv4 ?? null, ipv6: net.ipv6 ?? null },
    private_net: row.private_net,
    server_type: serverTypeById(row.server_type),
    location: locationView(row.location),
    image: imageView(state, row.image),
    iso: isos.find((iso) => iso.id === row.iso) ?? null,
    rescue_enabled: row.rescue_enabled,
    locked: row.phase !== null,
    backup_window: row.backup_window,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 20 * TERABYTE,
    primary_disk_size: row.primary_disk_size,
    protection: row.protection,
    labels: row.labels,
    volumes: Object.values(state.volumes).flatMap((volume) => (volume.server === row.id ? [volume.id] : [])),
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

export function networkView(state: State, id: number) {
  const row = state.networks[id];
  const servers = Object.values(state.servers).flatMap((server) =>
    server.private_net.some((net) => net.network === id) ? [server.id] : [],
  );
  return row === undefined ? null : { ...row, servers, load_balancers: [] };
}

/** The address a person would connect to. */
export const hostAddress = (row: PrimaryIpRow) => (row.type === "ipv4" ? row.ip : firstHost(row.ip));
