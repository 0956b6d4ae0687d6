/** Settings of zones, and the lookup of a zone. */
import { type Invocation, type Resource, text } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";
import { type Cloudflare, fromApi } from "./client.ts";

/** A zone as the program gets it, without the fields that are null. */
function zoneOf(found: Properties): Properties {
  const all = object(fromApi(found));
  const present = Object.entries(all).filter(([key, value]) => key !== "id" && value !== null);
  return Object.fromEntries(present);
}

const settingPath = (inputs: Properties) =>
  `/zones/${text(inputs["zoneId"])}/settings/${text(inputs["settingId"])}`;

function settingOutputs(found: Properties): Properties {
  return {
    editable: found["editable"] ?? true,
    ...(found["modified_on"] && { modifiedOn: found["modified_on"] }),
  };
}

async function putSetting(client: Cloudflare, signal: AbortSignal, inputs: Properties): Promise<Properties> {
  const body = { value: inputs["value"] ?? null };
  return settingOutputs(object(await client.call(signal, "PATCH", settingPath(inputs), { body })));
}

/** A setting always exists: creating sets it, deleting leaves it unchanged. */
export const zoneSetting: Resource<Cloudflare> = {
  properties: {
    zoneId: { type: "string", required: true, replace: true },
    settingId: { type: "string", required: true, replace: true },
    value: { type: "any", required: true },
  },
  computed: ["editable", "modifiedOn"],
  volatile: () => ["modifiedOn"],
  async create({ client, signal }, inputs) {
    return { id: text(inputs["settingId"]), outputs: await putSetting(client, signal, inputs) };
  },
  async read({ client, signal }, id, old) {
    const [zoneId = "", settingId = ""] = id.includes("/")
      ? id.split("/")
      : [text(old.outputs["zoneId"]), id];
    const found = await client.find(signal, settingPath({ zoneId, settingId }));
    if (!found) return undefined;
    return {
      id: settingId,
      inputs: { zoneId, settingId, value: found["value"] ?? null },
      outputs: settingOutputs(found),
    };
  },
  update: ({ client, signal }, _id, { inputs }) => putSetting(client, signal, inputs),
  delete: async () => undefined,
};

/** The one zone of a name. Other filters are not supported. */
export const getZone: Invocation<Cloudflare> = {
  properties: { filter: { type: "map", required: true } },
  async run({ client, signal }, args) {
    const query = { name: text(object(args["filter"])["name"]) };
    const found = objects(await client.call(signal, "GET", "/zones", { query }));
    const [zone] = found;
    if (!zone || found.length > 1)
      throw new Error(`getZone: expected one zone for ${JSON.stringify(query)}, found ${found.length}`);
    return { ...args, ...zoneOf(zone), id: zone["id"] ?? "", zoneId: zone["id"] ?? "" };
  },
};
