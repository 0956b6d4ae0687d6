/** Settings of zones, and the lookup of a zone. */
import { type Invocation, type Resource, text } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";
import { type Cloudflare, fromApi } from "./client.ts";

/** What a zone looks like to the program; absent things are left out. */
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
    ...(found["modified_on"] ? { modifiedOn: found["modified_on"] } : {}),
  };
}

async function set(client: Cloudflare, signal: AbortSignal, inputs: Properties): Promise<Properties> {
  const body = { value: inputs["value"] ?? null };
  return settingOutputs(object(await client.call(signal, "PATCH", settingPath(inputs), body)));
}

/** A setting always exists: creating sets it, deleting leaves it. */
export const zoneSetting: Resource<Cloudflare> = {
  properties: {
    zoneId: { type: "string", required: true, replace: true },
    settingId: { type: "string", required: true, replace: true },
    value: { type: "any", required: true },
  },
  computed: ["editable", "modifiedOn"],
  volatile: () => ["modifiedOn"],
  async create({ client, signal }, inputs) {
    return { id: text(inputs["settingId"]), outputs: await set(client, signal, inputs) };
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
  update: ({ client, signal }, _id, _old, inputs) => set(client, signal, inputs),
  delete: async () => undefined,
};

/** A zone by id, or the one that a filter finds. */
export const getZone: Invocation<Cloudflare> = {
  properties: { zoneId: { type: "string" }, filter: { type: "map" } },
  async run({ client, signal }, args) {
    const wanted = await lookUp(client, signal, args);
    return { ...args, ...zoneOf(wanted), id: wanted["id"] ?? "", zoneId: wanted["id"] ?? "" };
  },
};

async function lookUp(client: Cloudflare, signal: AbortSignal, args: Properties): Promise<Properties> {
  if (args["zoneId"] !== undefined)
    return object(await client.call(signal, "GET", `/zones/${text(args["zoneId"])}`));
  const filter = object(args["filter"]);
  const query: Record<string, string> = {};
  for (const key of ["name", "status", "match", "order", "direction"]) {
    if (filter[key] !== undefined) query[key] = text(filter[key]);
  }
  const account = object(filter["account"]);
  if (account["id"] !== undefined) query["account.id"] = text(account["id"]);
  const found = objects(await client.call(signal, "GET", "/zones", undefined, query));
  if (found.length === 1 && found[0]) return found[0];
  throw new Error(`getZone: expected one zone for ${JSON.stringify(query)}, found ${found.length}`);
}
