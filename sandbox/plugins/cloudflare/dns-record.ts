/** DNS records, with `content` or, for CAA, SSHFP, TLSA and SRV, `data`. */
import { type Invocation, number, type Property, type Resource, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import { type Cloudflare, fromApi, toApi } from "./client.ts";

const HOST_CONTENT = ["CNAME", "MX", "NS", "PTR"];

/** Host names have lower case and no trailing dot; IPv6 addresses have lower case. */
function normalContent(content: Json, inputs: Properties): Json {
  if (HOST_CONTENT.includes(text(inputs["type"]))) return text(content).toLowerCase().replace(/\.$/, "");
  return inputs["type"] === "AAAA" ? text(content).toLowerCase() : content;
}

/** Fields that an import leaves out of the inputs are equal to absent ones. */
const isEmpty = (value: Json): boolean => value === "" || value === null || Number(value) === 0;

/** A number equals its text ("1"), names have no trailing dot, and empty fields and zeros are absent. */
function normalData(data: Json): Json {
  const given = Object.entries(object(data)).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(given.map(([key, value]) => [key, String(value).replace(/\.$/, "")]));
}

const normalName = (name: Json): Json => text(name).toLowerCase().replace(/\.$/, "");

const properties: Record<string, Property> = {
  zoneId: { type: "string", required: true, replace: true },
  name: { type: "string", required: true, normalise: normalName },
  type: { type: "string", required: true, replace: true },
  ttl: { type: "number", required: true },
  content: { type: "string", normalise: normalContent },
  data: { type: "map", normalise: normalData },
  proxied: { type: "boolean", default: false },
  priority: { type: "number" },
  comment: { type: "string" },
  tags: { type: "list", set: true, default: [], keptWhen: "absent" },
  settings: { type: "map", keptWhen: "absent" },
};

const NUMERIC =
  /^(flags|algorithm|type|priority|weight|port|usage|selector|matchingType|keyTag|digestType|protocol|order|preference)$/;

/** The request body. Numbers in `data` are sent as numbers. */
export function recordBody(inputs: Properties): Properties {
  const { zoneId: _, data, ...rest } = inputs;
  if (data === undefined) return object(toApi(rest));
  const fields = Object.entries(object(data)).map(([key, value]): [string, Json] => {
    const isNumber = NUMERIC.test(key) && value !== "" && Number.isFinite(Number(value));
    return [key, isNumber ? Number(value) : value];
  });
  return object(toApi({ ...rest, data: Object.fromEntries(fields) }));
}

/**
 * Settings of a CNAME. The official provider always stores these three, with false where the API
 * answers nothing (`normalizeSettings` in its custom.go).
 */
const cnameSettings = (found: Properties): Properties => ({
  ipv4Only: false,
  ipv6Only: false,
  flattenCname: false,
  ...object(fromApi(found["settings"] ?? {})),
});

function outputsOf(found: Properties): Properties {
  return {
    ...(found["type"] === "CNAME" && { settings: cnameSettings(found) }),
    createdOn: found["created_on"] ?? "",
    modifiedOn: found["modified_on"] ?? "",
    proxiable: found["proxiable"] ?? false,
    ...(typeof found["content"] === "string" && { content: found["content"] }),
  };
}

function inputsOf(zoneId: string, found: Properties, hasData: boolean): Properties {
  const comment = text(found["comment"]);
  return {
    zoneId,
    name: found["name"] ?? "",
    type: found["type"] ?? "",
    ttl: found["ttl"] ?? 1,
    ...(hasData ? { data: object(fromApi(found["data"] ?? {})) } : { content: found["content"] ?? "" }),
    proxied: found["proxied"] ?? false,
    ...(typeof found["priority"] === "number" && { priority: found["priority"] }),
    ...(comment !== "" && { comment }),
    tags: texts(found["tags"]),
  };
}

/** Outputs of the vendor's object; a `content` that was given keeps the program's spelling. */
function stateOf(found: Properties, inputs: Properties): Properties {
  const outputs = outputsOf(found);
  if (inputs["content"] !== undefined) outputs["content"] = inputs["content"];
  return outputs;
}

/**
 * The official provider decodes CAA's `flags` into the type that the state has, and the API answers a
 * number: with text in the state every read fails. Source: terraform-provider-cloudflare v5.19.0,
 * internal/apijson/decoder.go (DynamicValuable), and internal/services/dns_record/model.go (`Flags`, the
 * only dynamic field).
 */
function assertReadable(state: Properties, found: Properties): void {
  const [before, now] = [object(state["data"])["flags"], object(found["data"])["flags"]];
  if (typeof before === "string" && typeof now === "number")
    throw new Error("failed to deserialize http request: apijson: cannot deserialize types.StringValue");
}

/**
 * The inputs that an import finds lack fields that are 0, such as CAA's flags; the outputs have them.
 * Source: pulumi-terraform-bridge v3.135, pkg/tfbridge/schema.go, `extractSchemaInputsObject`.
 */
const withoutZeros = (data: Json): Properties =>
  Object.fromEntries(Object.entries(object(data)).filter(([, value]) => value !== 0));

export const dnsRecord: Resource<Cloudflare> = {
  properties,
  computed: ["createdOn", "modifiedOn", "proxiable", "content", "settings"],
  volatile: (changed) => (changed.has("data") ? ["modifiedOn", "content"] : ["modifiedOn"]),
  validate: (inputs) =>
    (inputs["content"] === undefined) === (inputs["data"] === undefined)
      ? [["content", "give exactly one of content, data"]]
      : [],
  async create({ client, signal }, inputs) {
    const path = `/zones/${text(inputs["zoneId"])}/dns_records`;
    const made = object(await client.call(signal, "POST", path, { body: recordBody(inputs) }));
    return { id: text(made["id"]), outputs: stateOf(made, inputs) };
  },
  async read({ client, signal }, id, old) {
    const [zoneId = "", recordId = ""] = id.includes("/") ? id.split("/") : [text(old.outputs["zoneId"]), id];
    const found = await client.find(signal, `/zones/${zoneId}/dns_records/${recordId}`);
    if (!found) return undefined;
    assertReadable(old.outputs, found);
    const importing = Object.keys(old.inputs).length === 0;
    const hasData = importing
      ? Object.keys(object(found["data"])).length > 0
      : old.inputs["data"] !== undefined;
    const inputs = inputsOf(zoneId, found, hasData);
    const outputs = stateOf(found, old.inputs);
    if (inputs["data"] === undefined) return { id: recordId, inputs, outputs };
    const { data } = inputs;
    return {
      id: recordId,
      inputs: importing ? { ...inputs, data: withoutZeros(data) } : inputs,
      outputs: { ...outputs, data },
    };
  },
  async update({ client, signal }, id, { inputs }) {
    const path = `/zones/${text(inputs["zoneId"])}/dns_records/${id}`;
    const changed = await client.call(signal, "PUT", path, { body: recordBody(inputs) });
    return stateOf(object(changed), inputs);
  },
  /**
   * The deletion of a record that no longer exists is an error, and the record stays in the state
   * until a refresh.
   * Source: terraform-provider-cloudflare v5.19.0, internal/services/dns_record/resource.go,
   * `Delete`.
   */
  async delete({ client, signal }, id, old) {
    await client.call(signal, "DELETE", `/zones/${text(old.outputs["zoneId"])}/dns_records/${id}`);
  },
};

/** Page size and default limit, as in the official data source. */
const PAGE_SIZE = 100;
const DEFAULT_ITEMS = 1000;

/** A record as the program gets it, without the fields that are null. */
function listed(found: Properties): Properties {
  return Object.fromEntries(Object.entries(object(fromApi(found))).filter(([, value]) => value !== null));
}

/** The records of a zone. Filters are not supported. */
export const getDnsRecords: Invocation<Cloudflare> = {
  properties: {
    zoneId: { type: "string", required: true },
    maxItems: { type: "number", default: DEFAULT_ITEMS },
  },
  async run({ client, signal }, args) {
    const limit = number(args["maxItems"] ?? DEFAULT_ITEMS);
    const path = `/zones/${text(args["zoneId"])}/dns_records`;
    const results: Properties[] = [];
    for (let page = 1; results.length < limit; page += 1) {
      const query = { page: String(page), per_page: String(PAGE_SIZE) };
      const found = objects(await client.call(signal, "GET", path, { query }));
      results.push(...found.map(listed));
      if (found.length < PAGE_SIZE) break;
    }
    return { ...args, results: results.slice(0, limit) };
  },
};
