/** Primary IPs, which outlive the server, and reverse DNS. */
import { Incomplete, type Property, type Resource, text } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";
import { type Hetzner, whileInUse } from "./client.ts";
import { changedFields, fields, LABELS, NAME, PROTECTION } from "./simple.ts";

type Context = Parameters<Resource<Hetzner>["create"]>[0];

const properties: Record<string, Property> = {
  ...NAME,
  ...LABELS,
  ...PROTECTION,
  type: { type: "string", required: true, replace: true },
  location: { type: "string", replace: true, keptWhen: "absent" },
  autoDelete: { type: "boolean", default: false },
  assigneeId: { type: "number", keptWhen: "absent" },
  assigneeType: { type: "string", keptWhen: "absent" },
};

function primaryIpInputs(found: Properties): Properties {
  return {
    name: found["name"] ?? "",
    type: found["type"] ?? "",
    labels: object(found["labels"]),
    location: object(found["location"])["name"] ?? "",
    autoDelete: found["auto_delete"] ?? false,
    deleteProtection: object(found["protection"])["delete"] ?? false,
    ...(typeof found["assignee_id"] === "number" ? { assigneeId: found["assignee_id"] } : {}),
    assigneeType: found["assignee_type"] ?? "server",
  };
}

/** Of an IPv6 network the address is its first, and the network is written as well. */
function primaryIpOutputs(found: Properties): Properties {
  const ip = text(found["ip"]);
  const isNetwork = found["type"] === "ipv6";
  return {
    ...primaryIpInputs(found),
    ipAddress: isNetwork ? ip.replace(/\/\d+$/, "") : ip,
    ...(isNetwork ? { ipNetwork: ip } : {}),
  };
}

async function protect(context: Context, id: string, wanted: boolean): Promise<void> {
  await context.client.act(context, `/primary_ips/${id}/actions/change_protection`, { delete: wanted });
}

export const primaryIp: Resource<Hetzner> = {
  properties,
  computed: ["ipAddress", "ipNetwork"],
  autoname: "name",
  validate(inputs) {
    const wrong: [string, string][] = [];
    if (inputs["assigneeId"] !== undefined && inputs["location"] !== undefined) {
      wrong.push(["location", "give location or assigneeId, not both"]);
    }
    if (inputs["assigneeId"] !== undefined && inputs["assigneeType"] === undefined) {
      wrong.push(["assigneeType", "is required with assigneeId"]);
    }
    return wrong;
  },
  async create(context, inputs) {
    const names = ["name", "type", "labels", "autoDelete", "location", "assigneeId"];
    const body = { ...fields(inputs, names), assignee_type: text(inputs["assigneeType"]) || "server" };
    const answer = await context.client.call(context.signal, "POST", "/primary_ips", body);
    const found = object(answer["primary_ip"]);
    const id = String(found["id"]);
    try {
      await context.client.settle(context, [object(answer["action"])]);
      if (inputs["deleteProtection"] === true) await protect(context, id, true);
      return {
        id,
        outputs: primaryIpOutputs(
          await context.client.get(context.signal, `/primary_ips/${id}`, "primary_ip"),
        ),
      };
    } catch (error) {
      throw new Incomplete(id, primaryIpOutputs(found), error);
    }
  },
  async read(context, id) {
    const found = await context.client.find(context.signal, `/primary_ips/${id}`, "primary_ip");
    return found && { id, inputs: primaryIpInputs(found), outputs: primaryIpOutputs(found) };
  },
  async update(context, id, _old, inputs, changed) {
    const path = `/primary_ips/${id}`;
    if (changed.has("deleteProtection")) await protect(context, id, inputs["deleteProtection"] === true);
    if (changed.has("assigneeId")) {
      const found = await context.client.get(context.signal, path, "primary_ip");
      if (typeof found["assignee_id"] === "number")
        await context.client.act(context, `${path}/actions/unassign`);
      if (inputs["assigneeId"] !== undefined) {
        const assignee = fields(inputs, ["assigneeId", "assigneeType"]);
        await context.client.act(context, `${path}/actions/assign`, assignee);
      }
    }
    const body = changedFields(inputs, ["name", "labels", "autoDelete"], changed);
    if (Object.keys(body).length > 0) await context.client.call(context.signal, "PUT", path, body);
    return primaryIpOutputs(await context.client.get(context.signal, path, "primary_ip"));
  },
  async delete(context, id) {
    const found = await context.client.find(context.signal, `/primary_ips/${id}`, "primary_ip");
    if (!found) return;
    if (typeof found["assignee_id"] === "number") {
      const server = `/servers/${found["assignee_id"]}/actions`;
      await context.client.act(context, `${server}/poweroff`);
      await context.client.act(context, `/primary_ips/${id}/actions/unassign`);
      await context.client.act(context, `${server}/poweron`);
    }
    await whileInUse(context, () => context.client.remove(context, `/primary_ips/${id}`));
  },
};

const OWNERS: Record<string, { letter: string; path: string; key: string }> = {
  serverId: { letter: "s", path: "/servers", key: "server" },
  primaryIpId: { letter: "p", path: "/primary_ips", key: "primary_ip" },
  floatingIpId: { letter: "f", path: "/floating_ips", key: "floating_ip" },
  loadBalancerId: { letter: "l", path: "/load_balancers", key: "load_balancer" },
};

function owner(inputs: Properties): { input: string; id: string; path: string } | undefined {
  const input = Object.keys(OWNERS).find((name) => inputs[name] !== undefined);
  const kind = OWNERS[input ?? ""];
  return kind && { input: input ?? "", id: String(inputs[input ?? ""]), path: kind.path };
}

/** Where the vendor keeps the name of one address: a server has one for IPv4 and a list for IPv6. */
export function pointerOf(found: Properties, ip: string): string | undefined {
  const net = object(found["public_net"]);
  const ipv4 = object(net["ipv4"]);
  if (ipv4["ip"] === ip) return text(ipv4["dns_ptr"]) || undefined;
  const entries = [...objects(object(net["ipv6"])["dns_ptr"]), ...objects(found["dns_ptr"])];
  return text(entries.find((entry) => entry["ip"] === ip)?.["dns_ptr"]) || undefined;
}

export const rdns: Resource<Hetzner> = {
  properties: {
    dnsPtr: { type: "string", required: true },
    ipAddress: { type: "string", required: true, replace: true },
    ...Object.fromEntries(
      Object.keys(OWNERS).map((name) => [name, { type: "number", replace: true } as const]),
    ),
  },
  computed: [],
  validate(inputs) {
    const given = Object.keys(OWNERS).filter((name) => inputs[name] !== undefined);
    return given.length === 1 ? [] : [["serverId", `give exactly one of ${Object.keys(OWNERS).join(", ")}`]];
  },
  async create(context, inputs) {
    const of = owner(inputs);
    if (!of) throw new Error("reverse DNS needs an owner");
    const body = fields(inputs, ["dnsPtr"]);
    await context.client.act(context, `${of.path}/${of.id}/actions/change_dns_ptr`, {
      ip: text(inputs["ipAddress"]),
      ...body,
    });
    return { id: `${OWNERS[of.input]?.letter}-${of.id}-${text(inputs["ipAddress"])}`, outputs: {} };
  },
  async read(context, id) {
    const [, letter, ownerId, ip] = /^([spfl])-(\d+)-(.+)$/.exec(id) ?? [];
    const entry = Object.entries(OWNERS).find(([, kind]) => kind.letter === letter);
    if (!entry || ip === undefined) throw new Error(`"${id}" is no reverse DNS id such as p-42-203.0.113.10`);
    const [input, kind] = entry;
    const found = await context.client.find(context.signal, `${kind.path}/${ownerId}`, kind.key);
    const dnsPtr = found && pointerOf(found, ip);
    return dnsPtr === undefined
      ? undefined
      : { id, inputs: { dnsPtr, ipAddress: ip, [input]: Number(ownerId) }, outputs: {} };
  },
  async update(context, _id, _old, inputs) {
    const of = owner(inputs);
    const body = { ip: text(inputs["ipAddress"]), dns_ptr: text(inputs["dnsPtr"]) };
    await context.client.act(context, `${of?.path}/${of?.id}/actions/change_dns_ptr`, body);
    return {};
  },
  async delete(context, _id, old) {
    const of = owner(old.outputs);
    if (!of) return;
    const kind = OWNERS[of.input];
    if (!kind || !(await context.client.find(context.signal, `${kind.path}/${of.id}`, kind.key))) return;
    const body = { ip: text(old.outputs["ipAddress"]), dns_ptr: null };
    await context.client.act(context, `${of.path}/${of.id}/actions/change_dns_ptr`, body);
  },
};
