/**
 * Servers, as in terraform-provider-hcloud v1.68.0 (internal/server/resource.go): a change of image,
 * location, userData or sshKeys replaces the server; a change of its type or public addresses powers it
 * off and on; a change of its placement group needs a server that is off.
 */
import { messageOf } from "../../../lib/message-of.ts";
import { Incomplete, number, type Property, type Resource, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import type { Hetzner } from "./client.ts";
import { changedFields, fields, LABELS, NAME, PROTECTION } from "./simple.ts";

type Context = Parameters<Resource<Hetzner>["create"]>[0];

const FAMILIES = ["ipv4", "ipv6"] as const;

/** An address could not be unassigned; the official provider then leaves the server off. */
class NotUnassigned extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause));
    this.name = "NotUnassigned";
  }
}

interface PublicNet {
  ipv4_enabled: boolean;
  ipv6_enabled: boolean;
  ipv4: number;
  ipv6: number;
}

/** One block, or none; a family with an address is enabled. 0 means that the vendor chooses the address. */
function publicNetOf(publicNets: Json | undefined): PublicNet {
  const given = objects(publicNets)[0] ?? {};
  const [ipv4, ipv6] = [number(given["ipv4"]), number(given["ipv6"])];
  return {
    ipv4_enabled: ipv4 !== 0 || given["ipv4Enabled"] !== false,
    ipv6_enabled: ipv6 !== 0 || given["ipv6Enabled"] !== false,
    ipv4,
    ipv6,
  };
}

const publicNetForm = (publicNets: Json): Json => [publicNetOf(publicNets) as unknown as Properties];

const properties: Record<string, Property> = {
  ...NAME,
  ...LABELS,
  ...PROTECTION,
  serverType: { type: "string", required: true },
  image: { type: "string", replace: true, keptWhen: "absent" },
  location: { type: "string", replace: true, keptWhen: "absent" },
  sshKeys: { type: "list", replace: true, writeOnly: true },
  userData: { type: "string", replace: true, writeOnly: true },
  // The official provider never reads them, and an absent block is no change to it.
  publicNets: { type: "list", normalise: publicNetForm, writeOnly: true, keptWhen: "empty" },
  firewallIds: { type: "list", set: true, keptWhen: "absent" },
  placementGroupId: { type: "number" },
  backups: { type: "boolean", default: false },
  rebuildProtection: { type: "boolean", default: false },
  keepDisk: { type: "boolean", writeOnly: true },
};

const firewallsOf = (found: Properties): Json[] =>
  objects(object(found["public_net"])["firewalls"]).map((firewall) => firewall["id"] ?? 0);

function inputsOf(found: Properties): Properties {
  const image = object(found["image"]);
  const placement = object(found["placement_group"])["id"];
  return {
    name: found["name"] ?? "",
    labels: object(found["labels"]),
    serverType: object(found["server_type"])["name"] ?? "",
    ...(image["id"] !== undefined && { image: text(image["name"]) || String(image["id"]) }),
    location: object(found["location"])["name"] ?? "",
    firewallIds: firewallsOf(found),
    ...(typeof placement === "number" && { placementGroupId: placement }),
    backups: text(found["backup_window"]) !== "",
    deleteProtection: object(found["protection"])["delete"] ?? false,
    rebuildProtection: object(found["protection"])["rebuild"] ?? false,
  };
}

/** The IPv6 address is the first one of the network, as in the official provider. */
function outputsOf(found: Properties): Properties {
  const net = object(found["public_net"]);
  const ipv6 = text(object(net["ipv6"])["ip"]);
  const ipv4 = text(object(net["ipv4"])["ip"]);
  return {
    ...(ipv4 !== "" && { ipv4Address: ipv4 }),
    ...(ipv6 !== "" && { ipv6Address: ipv6.replace(/\/\d+$/, "1"), ipv6Network: ipv6 }),
    status: found["status"] ?? "",
    backupWindow: text(found["backup_window"]),
    primaryDiskSize: found["primary_disk_size"] ?? 0,
  };
}

/** The outputs beside the given inputs: what the vendor determines, and inputs that were left out. */
function stateOf(found: Properties, inputs: Properties): Properties {
  const actual = inputsOf(found);
  const filled = ["image", "location", "firewallIds", "name"].filter(
    (key) => inputs[key] === undefined && key in actual,
  );
  return { ...Object.fromEntries(filled.map((key) => [key, actual[key] ?? null])), ...outputsOf(found) };
}

async function power(context: Context, id: string, action: "poweroff" | "poweron"): Promise<void> {
  await context.client.runAction(context, `/servers/${id}/actions/${action}`);
}

/** Settings that a creation request does not take: they follow the creation, and updates change them. */
async function applySettings(
  context: Context,
  id: string,
  inputs: Properties,
  changed: Set<string>,
): Promise<void> {
  const path = `/servers/${id}/actions`;
  if (changed.has("backups")) {
    const action = inputs["backups"] === true ? "enable_backup" : "disable_backup";
    await context.client.runAction(context, `${path}/${action}`);
  }
  if (changed.has("deleteProtection") || changed.has("rebuildProtection")) {
    const wanted = {
      delete: inputs["deleteProtection"] === true,
      rebuild: inputs["rebuildProtection"] === true,
    };
    await context.client.runAction(context, `${path}/change_protection`, wanted);
  }
}

async function updateFirewalls(
  context: Context,
  id: string,
  found: Properties,
  wanted: Json[],
): Promise<void> {
  const target = [{ type: "server", server: { id: Number(id) } }];
  const actual = firewallsOf(found);
  for (const firewall of actual.filter((one) => !wanted.includes(one))) {
    await context.client.runAction(context, `/firewalls/${firewall}/actions/remove_from_resources`, {
      remove_from: target,
    });
  }
  for (const firewall of wanted.filter((one) => !actual.includes(one))) {
    await context.client.runAction(context, `/firewalls/${firewall}/actions/apply_to_resources`, {
      apply_to: target,
    });
  }
}

/** As in the official provider, no server is stopped for this; the vendor refuses it for a running one. */
async function updatePlacementGroup(
  context: Context,
  id: string,
  found: Properties,
  group: Json | undefined,
): Promise<void> {
  const path = `/servers/${id}/actions`;
  if (found["placement_group"]) {
    if (found["status"] !== "off") {
      throw new Error(
        "removing a running server from a placement group is not supported: shut it down first",
      );
    }
    await context.client.runAction(context, `${path}/remove_from_placement_group`);
  }
  if (group !== undefined)
    await context.client.runAction(context, `${path}/add_to_placement_group`, { placement_group: group });
}

/**
 * Changes the addresses in the order of `updatePublicNet` and `publicNetUpdateDecision`: server off; the
 * current address unassigned, and deleted when the previous block named none; the named address assigned;
 * server on. This includes a family that does not change. When an address cannot be unassigned the server
 * stays off.
 */
async function updatePublicNets(
  context: Context,
  id: string,
  found: Properties,
  change: { old: PublicNet; now: PublicNet },
): Promise<void> {
  const net = object(found["public_net"]);
  await power(context, id, "poweroff");
  try {
    for (const family of FAMILIES) {
      await updateFamily(context, id, { ...change, family, current: number(object(net[family])["id"]) });
    }
  } catch (error) {
    if (!(error instanceof NotUnassigned)) await power(context, id, "poweron");
    throw error;
  }
  await power(context, id, "poweron");
}

interface FamilyChange {
  family: "ipv4" | "ipv6";
  /** Id of the address that the server has now; 0 for none. */
  current: number;
  old: PublicNet;
  now: PublicNet;
}

async function updateFamily(
  context: Context,
  id: string,
  { family, current, old, now }: FamilyChange,
): Promise<void> {
  const [before, wanted, enabled] = [old[family], now[family], now[`${family}_enabled`]];
  const unassign = async (address: number) => {
    try {
      await context.client.runAction(context, `/primary_ips/${address}/actions/unassign`);
    } catch (error) {
      throw wanted === 0 ? error : new NotUnassigned(error);
    }
  };
  const assignee = { assignee_id: Number(id), assignee_type: "server" };
  if (enabled && wanted === 0) {
    const wasEnabled = old[`${family}_enabled`];
    if (wasEnabled && before !== 0) await unassign(before);
    if (wasEnabled !== (before !== 0)) return;
    const made = { ...assignee, type: family, name: `primary_ip-${id}-${family}`, auto_delete: true };
    const answer = await context.client.call(context.signal, "POST", "/primary_ips", { body: made });
    await context.client.waitFor(context, [object(answer["action"])]);
    return;
  }
  if (current !== 0) {
    await unassign(current);
    // Not `remove`: an address that is protected or does not exist is an error here.
    if (before === 0) await context.client.call(context.signal, "DELETE", `/primary_ips/${current}`);
  }
  if (wanted !== 0)
    await context.client.runAction(context, `/primary_ips/${wanted}/actions/assign`, assignee);
}

function creation(inputs: Properties): Properties {
  const net = publicNetOf(inputs["publicNets"]);
  const keys = texts(inputs["sshKeys"]).map((key): Json => (/^\d+$/.test(key) ? Number(key) : key));
  return {
    ...fields(inputs, ["name", "serverType", "image", "location", "userData", "labels"]),
    ...(keys.length > 0 && { ssh_keys: keys }),
    ...(Array.isArray(inputs["firewallIds"]) && {
      firewalls: inputs["firewallIds"].map((firewall) => ({ firewall })),
    }),
    ...(inputs["placementGroupId"] !== undefined && { placement_group: inputs["placementGroupId"] }),
    public_net: {
      enable_ipv4: net.ipv4_enabled,
      enable_ipv6: net.ipv6_enabled,
      ...(net.ipv4 !== 0 && { ipv4: net.ipv4 }),
      ...(net.ipv6 !== 0 && { ipv6: net.ipv6 }),
    },
    start_after_create: true,
  };
}

export const server: Resource<Hetzner> = {
  properties,
  computed: [
    "ipv4Address",
    "ipv6Address",
    "ipv6Network",
    "status",
    "backupWindow",
    "primaryDiskSize",
    "image",
    "location",
  ],
  volatile: (changed) => (changed.has("publicNets") ? ["ipv4Address", "ipv6Address", "ipv6Network"] : []),
  autoname: "name",
  validate(inputs) {
    const same = (inputs["deleteProtection"] ?? false) === (inputs["rebuildProtection"] ?? false);
    return same ? [] : [["rebuildProtection", "must be the same as deleteProtection"]];
  },
  async create(context, inputs) {
    const answer = await context.client.call(context.signal, "POST", "/servers", { body: creation(inputs) });
    const made = object(answer["server"]);
    const id = String(made["id"]);
    try {
      await context.client.waitFor(context, [object(answer["action"]), ...objects(answer["next_actions"])]);
      const given = ["backups", "deleteProtection", "rebuildProtection"].filter((name) => inputs[name]);
      await applySettings(context, id, inputs, new Set(given));
      const found = await context.client.get(context.signal, `/servers/${id}`, "server");
      return { id, outputs: stateOf(found, inputs) };
    } catch (error) {
      throw new Incomplete(id, stateOf(made, inputs), error);
    }
  },
  async read(context, id, old) {
    const found = await context.client.find(context.signal, `/servers/${id}`, "server");
    if (!found) return undefined;
    const inputs = inputsOf(found);
    if (text(old.inputs["image"]) === String(object(found["image"])["id"]))
      inputs["image"] = text(old.inputs["image"]);
    return { id, inputs, outputs: stateOf(found, old.inputs) };
  },
  async update(context, id, { old, inputs, changed }) {
    const path = `/servers/${id}`;
    const found = await context.client.get(context.signal, path, "server");
    const body = changedFields(inputs, ["name", "labels"], changed);
    if (Object.keys(body).length > 0) await context.client.call(context.signal, "PUT", path, { body });
    if (changed.has("serverType")) {
      const upgrade = { server_type: inputs["serverType"] ?? "", upgrade_disk: inputs["keepDisk"] !== true };
      if (found["status"] === "running") await power(context, id, "poweroff");
      // The vendor starts it again.
      await context.client.runAction(context, `${path}/actions/change_type`, upgrade);
    }
    await applySettings(context, id, inputs, changed);
    if (changed.has("firewallIds") && Array.isArray(inputs["firewallIds"])) {
      await updateFirewalls(context, id, found, inputs["firewallIds"]);
    }
    if (changed.has("publicNets")) {
      await updatePublicNets(context, id, found, {
        old: publicNetOf(old.inputs["publicNets"]),
        now: publicNetOf(inputs["publicNets"]),
      });
    }
    if (changed.has("placementGroupId"))
      await updatePlacementGroup(context, id, found, inputs["placementGroupId"]);
    return stateOf(await context.client.get(context.signal, path, "server"), inputs);
  },
  delete: (context, id) => context.client.remove(context, `/servers/${id}`),
};
