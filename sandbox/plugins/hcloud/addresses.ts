/** Primary IPs, which outlive their server, and reverse DNS. */
import { Incomplete, type Property, type Resource, text } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import { type Hetzner, retryWhileInUse } from "./client.ts";
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
    ...(typeof found["assignee_id"] === "number" && { assigneeId: found["assignee_id"] }),
    assigneeType: found["assignee_type"] ?? "server",
  };
}

/** For an IPv6 network: its first address, and the network. */
function primaryIpOutputs(found: Properties): Properties {
  const ip = text(found["ip"]);
  const isNetwork = found["type"] === "ipv6";
  return {
    ...primaryIpInputs(found),
    ipAddress: isNetwork ? ip.replace(/\/\d+$/, "") : ip,
    ...(isNetwork && { ipNetwork: ip }),
  };
}

async function setProtection(context: Context, id: string, wanted: boolean): Promise<void> {
  await context.client.runAction(context, `/primary_ips/${id}/actions/change_protection`, { delete: wanted });
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
    const answer = await context.client.call(context.signal, "POST", "/primary_ips", { body });
    const found = object(answer["primary_ip"]);
    const id = String(found["id"]);
    try {
      await context.client.waitFor(context, [object(answer["action"])]);
      if (inputs["deleteProtection"] === true) await setProtection(context, id, true);
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
  async update(context, id, { inputs, changed }) {
    const path = `/primary_ips/${id}`;
    if (changed.has("deleteProtection"))
      await setProtection(context, id, inputs["deleteProtection"] === true);
    if (changed.has("assigneeId")) {
      const found = await context.client.get(context.signal, path, "primary_ip");
      if (typeof found["assignee_id"] === "number")
        await context.client.runAction(context, `${path}/actions/unassign`);
      if (inputs["assigneeId"] !== undefined) {
        const assignee = fields(inputs, ["assigneeId", "assigneeType"]);
        await context.client.runAction(context, `${path}/actions/assign`, assignee);
      }
    }
    const body = changedFields(inputs, ["name", "labels", "autoDelete"], changed);
    if (Object.keys(body).length > 0) await context.client.call(context.signal, "PUT", path, { body });
    return primaryIpOutputs(await context.client.get(context.signal, path, "primary_ip"));
  },
  async delete(context, id) {
    const found = await context.client.find(context.signal, `/primary_ips/${id}`, "primary_ip");
    if (!found) return;
    if (typeof found["assignee_id"] === "number") {
      const server = `/servers/${found["assignee_id"]}/actions`;
      await context.client.runAction(context, `${server}/poweroff`);
      await context.client.runAction(context, `/primary_ips/${id}/actions/unassign`);
      await context.client.runAction(context, `${server}/poweron`);
    }
    await retryWhileInUse(context, () => context.client.remove(context, `/primary_ips/${id}`));
  },
};

/** The reverse DNS name of one address of a primary IP. */
function pointerOf(found: Properties, ip: string): string | undefined {
  return text(objects(found["dns_ptr"]).find((entry) => entry["ip"] === ip)?.["dns_ptr"]) || undefined;
}

async function setPointer(context: Context, inputs: Properties, dnsPtr: Json): Promise<void> {
  await context.client.runAction(context, `/primary_ips/${inputs["primaryIpId"]}/actions/change_dns_ptr`, {
    ip: text(inputs["ipAddress"]),
    dns_ptr: dnsPtr,
  });
}

/** Reverse DNS of a primary IP; the official resource also takes servers, floating IPs, load balancers. */
export const rdns: Resource<Hetzner> = {
  properties: {
    dnsPtr: { type: "string", required: true },
    ipAddress: { type: "string", required: true, replace: true },
    primaryIpId: { type: "number", required: true, replace: true },
  },
  computed: [],
  async create(context, inputs) {
    await setPointer(context, inputs, text(inputs["dnsPtr"]));
    return { id: `p-${inputs["primaryIpId"]}-${text(inputs["ipAddress"])}`, outputs: {} };
  },
  async read(context, id) {
    const [, owner, ip] = /^p-(\d+)-(.+)$/.exec(id) ?? [];
    if (ip === undefined) throw new Error(`"${id}" is not a reverse DNS id such as p-42-203.0.113.10`);
    const found = await context.client.find(context.signal, `/primary_ips/${owner}`, "primary_ip");
    const dnsPtr = found && pointerOf(found, ip);
    return dnsPtr === undefined
      ? undefined
      : { id, inputs: { dnsPtr, ipAddress: ip, primaryIpId: Number(owner) }, outputs: {} };
  },
  async update(context, _id, { inputs }) {
    await setPointer(context, inputs, text(inputs["dnsPtr"]));
    return {};
  },
  async delete(context, _id, old) {
    const path = `/primary_ips/${old.outputs["primaryIpId"]}`;
    if (await context.client.find(context.signal, path, "primary_ip"))
      await setPointer(context, old.outputs, null);
  },
};
