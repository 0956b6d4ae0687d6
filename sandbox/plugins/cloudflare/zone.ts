/** Zones, their settings and rulesets, and looking a zone up. */
import { type Invocation, type Resource, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import { type Cloudflare, fromApi, toApi } from "./client.ts";

/** What a zone looks like to the program; absent things are left out. */
function zoneOf(found: Properties): Properties {
  const all = object(fromApi(found));
  const present = Object.entries(all).filter(([key, value]) => key !== "id" && value !== null);
  return Object.fromEntries(present);
}

export const zone: Resource<Cloudflare> = {
  properties: {
    account: {
      type: "map",
      required: true,
      replace: true,
      normalise: (account) => object(account)["id"] ?? "",
    },
    name: { type: "string", required: true, replace: true },
    type: { type: "string", default: "full" },
    paused: { type: "boolean", default: false },
    vanityNameServers: { type: "list", default: [] },
  },
  computed: ["nameServers", "status", "createdOn", "modifiedOn", "activatedOn"],
  async create({ client, signal }, inputs) {
    const body = {
      account: inputs["account"] ?? {},
      name: inputs["name"] ?? "",
      type: inputs["type"] ?? "full",
    };
    const made = object(await client.call(signal, "POST", "/zones", body));
    return { id: text(made["id"]), outputs: zoneOf(made) };
  },
  async read({ client, signal }, id) {
    const found = await client.find(signal, `/zones/${id}`);
    if (!found) return undefined;
    const inputs = {
      account: { id: object(found["account"])["id"] ?? "" },
      name: found["name"] ?? "",
      type: found["type"] ?? "full",
      paused: found["paused"] ?? false,
      vanityNameServers: texts(found["vanity_name_servers"]),
    };
    return { id, inputs, outputs: zoneOf(found) };
  },
  async update({ client, signal }, id, _old, inputs, changed) {
    let found = await client.find(signal, `/zones/${id}`);
    // One change per request: the vendor takes no more.
    for (const key of changed) {
      const body = object(toApi({ [key]: inputs[key] ?? zone.properties[key]?.default ?? null }));
      found = object(await client.call(signal, "PATCH", `/zones/${id}`, body));
    }
    return zoneOf(found ?? {});
  },
  delete: ({ client, signal }, id) => client.remove(signal, `/zones/${id}`),
};

const settingPath = (inputs: Properties) =>
  `/zones/${text(inputs["zoneId"])}/settings/${text(inputs["settingId"])}`;

function settingOutputs(found: Properties): Properties {
  return {
    editable: found["editable"] ?? true,
    ...(found["modified_on"] ? { modifiedOn: found["modified_on"] } : {}),
  };
}

async function set(client: Cloudflare, signal: AbortSignal, inputs: Properties): Promise<Properties> {
  const body =
    inputs["enabled"] === undefined ? { value: inputs["value"] ?? null } : { enabled: inputs["enabled"] };
  return settingOutputs(object(await client.call(signal, "PATCH", settingPath(inputs), body)));
}

/** A setting always exists: creating sets it, deleting leaves it. */
export const zoneSetting: Resource<Cloudflare> = {
  properties: {
    zoneId: { type: "string", required: true, replace: true },
    settingId: { type: "string", required: true, replace: true },
    value: { type: "any", required: true },
    enabled: { type: "boolean" },
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

const scope = (inputs: Properties): string =>
  inputs["zoneId"] === undefined
    ? `/accounts/${text(inputs["accountId"])}`
    : `/zones/${text(inputs["zoneId"])}`;

/** Of a rule, what a program writes; ids, versions and dates are the vendor's. */
function ruleForm(rules: Json): Json {
  const own = ["id", "version", "lastUpdated", "ref"];
  return objects(rules).map((rule) => {
    const kept = Object.entries(rule).filter(([key]) => !own.includes(key));
    return { enabled: true, ...Object.fromEntries(kept) };
  });
}

function rulesetBody(inputs: Properties): Properties {
  const { zoneId: _zone, accountId: _account, ...rest } = inputs;
  return object(toApi({ ...rest, rules: inputs["rules"] ?? [] }));
}

const rulesetOutputs = (found: Properties): Properties => ({
  version: found["version"] ?? "",
  lastUpdated: found["last_updated"] ?? "",
});

export const ruleset: Resource<Cloudflare> = {
  properties: {
    zoneId: { type: "string", replace: true },
    accountId: { type: "string", replace: true },
    kind: { type: "string", required: true, replace: true },
    name: { type: "string", required: true },
    phase: { type: "string", required: true, replace: true },
    description: { type: "string", default: "" },
    rules: { type: "list", default: [], normalise: ruleForm },
  },
  computed: ["version", "lastUpdated"],
  volatile: () => ["version", "lastUpdated"],
  async create({ client, signal }, inputs) {
    const made = object(await client.call(signal, "POST", `${scope(inputs)}/rulesets`, rulesetBody(inputs)));
    return { id: text(made["id"]), outputs: rulesetOutputs(made) };
  },
  async read({ client, signal }, id, old) {
    const parts = id.split("/"); // an import says zones/ZONE/RULESET or accounts/ACCOUNT/RULESET
    const owner = parts[0] === "accounts" ? { accountId: parts[1] ?? "" } : { zoneId: parts[1] ?? "" };
    const where =
      parts.length === 3
        ? owner
        : (Object.fromEntries(
            ["zoneId", "accountId"].flatMap((key) =>
              old.outputs[key] === undefined ? [] : [[key, old.outputs[key] ?? ""]],
            ),
          ) as Properties);
    const rulesetId = parts.at(-1) ?? "";
    const found = await client.find(signal, `${scope(where)}/rulesets/${rulesetId}`);
    if (!found) return undefined;
    const { kind = "", name = "", phase = "", description = "", rules = [] } = found;
    const inputs = { ...where, kind, name, phase, description, rules: fromApi(rules) };
    return { id: rulesetId, inputs, outputs: rulesetOutputs(found) };
  },
  async update({ client, signal }, id, _old, inputs) {
    return rulesetOutputs(
      object(await client.call(signal, "PUT", `${scope(inputs)}/rulesets/${id}`, rulesetBody(inputs))),
    );
  },
  delete: ({ client, signal }, id, old) => client.remove(signal, `${scope(old.outputs)}/rulesets/${id}`),
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
