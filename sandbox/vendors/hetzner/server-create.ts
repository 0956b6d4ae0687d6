import { randomBytes } from "node:crypto";
import * as z from "zod";
import { newPrimaryIp } from "./addresses.ts";
import { idOrName, labels } from "./body.ts";
import { locations, type ServerType, serverTypes, systemImages } from "./catalog.ts";
import { ApiError, conflict, invalidInput, notFound, notUnique, unprocessable } from "./errors.ts";
import { newId, timestamp } from "./project.ts";
import type { PrimaryIpRow, ServerRow, SshKeyRow, State } from "./state.ts";

/** Server names are host names (RFC 1123). */
export const serverName = z
  .string()
  .max(253)
  .regex(/^(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*$/, "must be a valid hostname");

export const createServerBody = z.object({
  name: serverName,
  server_type: idOrName,
  image: idOrName,
  location: z.string().nullish(),
  ssh_keys: z.array(idOrName).nullish(),
  user_data: z
    .string()
    .max(32 * 1024, "must not exceed 32KiB")
    .nullish(),
  start_after_create: z.boolean().nullish(),
  labels: labels.nullish(),
  firewalls: z.array(z.object({ firewall: z.int() })).nullish(),
  placement_group: z.int().nullish(),
  public_net: z
    .object({
      enable_ipv4: z.boolean().nullish(),
      enable_ipv6: z.boolean().nullish(),
      ipv4: z.int().nullish(),
      ipv6: z.int().nullish(),
    })
    .nullish(),
});

type CreateServer = z.infer<typeof createServerBody>;

/** Finds by id (digits) or name. */
function findByIdOrName<T extends { id: number; name: string }>(rows: T[], text: string): T | undefined {
  return rows.find((row) => (/^\d+$/.test(text) ? row.id === Number(text) : row.name === text));
}

export function findServerType(text: string): ServerType {
  const type = findByIdOrName(serverTypes, text);
  if (type === undefined) throw invalidInput("server_type", `server type ${text} does not exist`);
  return type;
}

/** The image for a server type; a name has one system image per architecture. */
export function findImage(text: string, type: ServerType): number {
  const fits = (architecture: string | undefined) => {
    if (architecture !== type.architecture) {
      throw invalidInput("image", `image ${text} is not available for architecture ${type.architecture}`);
    }
  };
  if (/^\d+$/.test(text)) {
    const image = systemImages.find((candidate) => candidate.id === Number(text));
    if (image === undefined) throw notFound("image", text);
    fits(image.architecture);
    return Number(text);
  }
  const named = systemImages.filter((image) => image.name === text);
  if (named.length === 0) throw invalidInput("image", `image ${text} does not exist`);
  const image = named.find((candidate) => candidate.architecture === type.architecture);
  fits(image?.architecture);
  return image?.id ?? 0;
}

function findSshKeys(state: State, wanted: string[]): SshKeyRow[] {
  return wanted.map((text) => {
    const key = findByIdOrName(Object.values(state.ssh_keys), text);
    if (key === undefined) throw invalidInput("ssh_keys", `SSH key ${text} not found`);
    return key;
  });
}

/** An existing address by its id. @throws ApiError when its type or location differs or it is assigned. */
function freePrimaryIp(state: State, id: number, type: "ipv4" | "ipv6", location: string): PrimaryIpRow {
  const row = state.primary_ips[id];
  if (row === undefined) throw notFound("primary_ip", id);
  if (row.type !== type)
    throw unprocessable("primary_ip_version_mismatch", `Primary IP ${id} is not of type ${type}`);
  if (row.location !== location) {
    throw unprocessable(
      "primary_ip_datacenter_mismatch",
      `Primary IP ${id} is in ${row.location}, not ${location}`,
    );
  }
  if (row.assignee_id !== null) throw conflict("primary_ip_assigned", `Primary IP ${id} is already assigned`);
  return row;
}

function chooseLocation(body: CreateServer, type: ServerType): string {
  const name = body.location ?? "fsn1";
  if (!locations.some((location) => location.name === name))
    throw invalidInput("location", `location ${name} not found`);
  if (!type.locations.includes(name)) {
    throw new ApiError(412, "resource_unavailable", `server type ${type.name} is not available in ${name}`);
  }
  return name;
}

export function assertServerNameFree(state: State, name: string, except?: number): void {
  const taken = Object.values(state.servers).some((server) => server.name === name && server.id !== except);
  if (taken) throw notUnique("name", "server name is already used");
}

/** Names of machines are DNS labels; a server's name may also be a full domain name. */
const MACHINE_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A free name for the machine: the server's own, or with its id when a renamed server's machine has it. */
export function machineName(state: State, name: string, id: number): string {
  const taken = Object.values(state.servers).some((server) => server.machine === name);
  if (!taken && MACHINE_NAME.test(name)) return name;
  const tail = `-${id}`;
  const label = name.toLowerCase().replace(/[^a-z0-9-]/g, "-");
  return `${(/^[a-z]/.test(label) ? label : `m-${label}`).slice(0, 63 - tail.length)}${tail}`;
}

/** Checks the whole request before any change, then creates the server and its addresses, without its machine. */
export function createServer(state: State, body: CreateServer): ServerRow {
  assertServerNameFree(state, body.name);
  const type = findServerType(body.server_type);
  const location = chooseLocation(body, type);
  const image = findImage(body.image, type);
  const keys = findSshKeys(state, body.ssh_keys ?? []);
  for (const { firewall } of body.firewalls ?? []) {
    if (state.firewalls[firewall] === undefined) throw notFound("firewall", firewall);
  }
  const group = body.placement_group ?? null;
  if (group !== null && state.placement_groups[group] === undefined) throw notFound("placement_group", group);

  const net = body.public_net ?? {};
  const wanted = {
    ipv4: (net.enable_ipv4 ?? true) || net.ipv4 ? { id: net.ipv4 ?? null } : null,
    ipv6: (net.enable_ipv6 ?? true) || net.ipv6 ? { id: net.ipv6 ?? null } : null,
  };
  const given = (["ipv4", "ipv6"] as const).flatMap((kind) => {
    const id = wanted[kind]?.id;
    return id ? [freePrimaryIp(state, id, kind, location)] : [];
  });
  if (!wanted.ipv4 && !wanted.ipv6) {
    throw invalidInput("public_net", "a server without public IPs must be attached to a network");
  }

  const id = newId(state);
  const server: ServerRow = {
    id,
    name: body.name,
    machine: machineName(state, body.name, id),
    created: timestamp(),
    phase: "creating",
    power: body.start_after_create === false ? "off" : "running",
    server_type: type.id,
    image,
    location,
    primary_disk_size: type.disk,
    backup_window: null,
    protection: { delete: false, rebuild: false },
    labels: body.labels ?? {},
    placement_group: group,
    authorized_keys: keys.map((key) => key.public_key),
    user_data: body.user_data ?? null,
    root_password: keys.length > 0 ? null : randomBytes(15).toString("base64url"),
  };
  for (const kind of ["ipv4", "ipv6"] as const) {
    if (wanted[kind] && !wanted[kind].id)
      given.push(newPrimaryIp(state, { type: kind, location, auto_delete: true }));
  }
  for (const address of given) address.assignee_id = id;
  state.servers[id] = server;
  for (const { firewall } of body.firewalls ?? []) state.firewalls[firewall]?.servers.push(id);
  return server;
}
