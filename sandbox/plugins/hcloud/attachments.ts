/** Subnets, servers in networks, volumes at servers: objects that live inside others. */
import { VendorError } from "../framework/http.ts";
import { number, type Resource, text, texts } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";
import type { Hetzner } from "./client.ts";
import { fields } from "./simple.ts";

type Context = Parameters<Resource<Hetzner>["create"]>[0];

async function subnetOf(
  context: Context,
  networkId: string,
  ipRange: string,
): Promise<Properties | undefined> {
  const found = await context.client.find(context.signal, `/networks/${networkId}`, "network");
  return objects(found?.["subnets"]).find((subnet) => subnet["ip_range"] === ipRange);
}

/** The two parts of a subnet's id, NETWORK-RANGE. */
export function subnetId(id: string): { network: string; range: string } {
  const [, network, range] = /^(\d+)-(.+)$/.exec(id) ?? [];
  if (network === undefined || range === undefined)
    throw new Error(`"${id}" is no subnet id such as 7-10.0.1.0/24`);
  return { network, range };
}

export const networkSubnet: Resource<Hetzner> = {
  properties: {
    networkId: { type: "number", required: true, replace: true },
    type: { type: "string", required: true, replace: true },
    networkZone: { type: "string", required: true, replace: true },
    ipRange: { type: "string", required: true, replace: true },
    vswitchId: { type: "number", replace: true },
  },
  computed: ["gateway"],
  async create(context, inputs) {
    const network = String(inputs["networkId"]);
    const body = fields(inputs, ["type", "networkZone", "ipRange", "vswitchId"]);
    await context.client.act(context, `/networks/${network}/actions/add_subnet`, body);
    const found = await subnetOf(context, network, text(inputs["ipRange"]));
    return { id: `${network}-${text(inputs["ipRange"])}`, outputs: { gateway: found?.["gateway"] ?? "" } };
  },
  async read(context, id) {
    const { network, range } = subnetId(id);
    const found = await subnetOf(context, network, range);
    if (!found) return undefined;
    const inputs = {
      networkId: Number(network),
      type: found["type"] ?? "",
      networkZone: found["network_zone"] ?? "",
      ipRange: range,
      ...(typeof found["vswitch_id"] === "number" ? { vswitchId: found["vswitch_id"] } : {}),
    };
    return { id, inputs, outputs: { gateway: found["gateway"] ?? "" } };
  },
  async delete(context, id) {
    const { network, range } = subnetId(id);
    if (!(await subnetOf(context, network, range))) return;
    await context.client.act(context, `/networks/${network}/actions/delete_subnet`, { ip_range: range });
  },
};

export const networkOf = (inputs: Properties): number =>
  inputs["subnetId"] === undefined
    ? number(inputs["networkId"])
    : Number(subnetId(text(inputs["subnetId"])).network);

/** Attaches a server to a network; `ip` and the subnet's range are optional. */
export async function attach(context: Context, server: string, inputs: Properties): Promise<void> {
  await context.client.act(context, `/servers/${server}/actions/attach_to_network`, {
    network: networkOf(inputs),
    ...(inputs["subnetId"] === undefined ? {} : { ip_range: subnetId(text(inputs["subnetId"])).range }),
    ...(text(inputs["ip"]) === "" ? {} : { ip: text(inputs["ip"]) }),
    ...(texts(inputs["aliasIps"]).length > 0 ? { alias_ips: texts(inputs["aliasIps"]) } : {}),
  });
}

async function attachment(context: Context, id: string): Promise<Properties | undefined> {
  const [server, network] = id.split("-");
  const found = await context.client.find(context.signal, `/servers/${server}`, "server");
  return objects(found?.["private_net"]).find((net) => net["network"] === Number(network));
}

const attached = (net: Properties | undefined): Properties => ({
  ip: net?.["ip"] ?? "",
  macAddress: net?.["mac_address"] ?? "",
  aliasIps: texts(net?.["alias_ips"]),
});

export const serverNetwork: Resource<Hetzner> = {
  properties: {
    serverId: { type: "number", required: true, replace: true },
    networkId: { type: "number", replace: true },
    subnetId: { type: "string", replace: true },
    ip: { type: "string", replace: true },
    aliasIps: { type: "list", set: true, default: [] },
  },
  computed: ["ip", "macAddress", "networkId"],
  validate: (inputs) =>
    (inputs["networkId"] === undefined) === (inputs["subnetId"] === undefined)
      ? [["networkId", "give exactly one of networkId, subnetId"]]
      : [],
  async create(context, inputs) {
    const id = `${number(inputs["serverId"])}-${networkOf(inputs)}`;
    try {
      await attach(context, String(inputs["serverId"]), inputs);
    } catch (error) {
      // Left behind by a run that was killed; the vendor's provider takes it as done too.
      if (!(error instanceof VendorError && error.code === "server_already_attached")) throw error;
    }
    return { id, outputs: { networkId: networkOf(inputs), ...attached(await attachment(context, id)) } };
  },
  async read(context, id, old) {
    const net = await attachment(context, id);
    if (!net) return undefined;
    const [server, network] = id.split("-").map(Number);
    const subnet = old.inputs["subnetId"] === undefined ? {} : { subnetId: old.inputs["subnetId"] };
    const { ip = "", aliasIps = [] } = attached(net);
    const inputs = { serverId: server ?? 0, networkId: network ?? 0, ...subnet, ip, aliasIps };
    return { id, inputs, outputs: { networkId: network ?? 0, ...attached(net) } };
  },
  async update(context, id, _old, inputs) {
    const body = { network: networkOf(inputs), alias_ips: texts(inputs["aliasIps"]) };
    await context.client.act(context, `/servers/${inputs["serverId"]}/actions/change_alias_ips`, body);
    return { networkId: networkOf(inputs), ...attached(await attachment(context, id)) };
  },
  async delete(context, id) {
    if (!(await attachment(context, id))) return;
    const [server, network] = id.split("-");
    await context.client.act(context, `/servers/${server}/actions/detach_from_network`, {
      network: Number(network),
    });
  },
};

export const volumeAttachment: Resource<Hetzner> = {
  properties: {
    volumeId: { type: "number", required: true, replace: true },
    serverId: { type: "number", required: true, replace: true },
    automount: { type: "boolean", writeOnly: true },
  },
  computed: [],
  async create(context, inputs) {
    const body = { server: inputs["serverId"] ?? 0, automount: inputs["automount"] === true };
    await context.client.act(context, `/volumes/${inputs["volumeId"]}/actions/attach`, body);
    return { id: String(inputs["volumeId"]), outputs: {} };
  },
  async read(context, id) {
    const server = object(await context.client.find(context.signal, `/volumes/${id}`, "volume"))["server"];
    return typeof server === "number"
      ? { id, inputs: { volumeId: Number(id), serverId: server }, outputs: {} }
      : undefined;
  },
  update: async () => ({}),
  async delete(context, id) {
    const found = await context.client.find(context.signal, `/volumes/${id}`, "volume");
    if (typeof found?.["server"] === "number")
      await context.client.act(context, `/volumes/${id}/actions/detach`);
  },
};
