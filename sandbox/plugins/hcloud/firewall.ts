/** Firewalls and what they are applied to. */
import { type Property, type Resource, text, texts } from "../framework/resource.ts";
import { isObject, type Json, object, objects, type Properties, sameValue } from "../framework/values.ts";
import { type Hetzner, whileInUse } from "./client.ts";
import { changedFields, fields, LABELS, NAME } from "./simple.ts";

/** A rule as the API has it; absent lists are empty, and the port exists for TCP and UDP only. */
export function ruleToApi(rule: Json): Properties {
  const given = object(rule);
  return {
    direction: text(given["direction"]),
    protocol: text(given["protocol"]),
    ...(given["port"] === undefined ? {} : { port: String(given["port"]) }),
    source_ips: texts(given["sourceIps"]),
    destination_ips: texts(given["destinationIps"]),
    ...(given["description"] === undefined ? {} : { description: text(given["description"]) }),
  };
}

export function ruleFromApi(rule: Properties): Properties {
  const lists: Properties = {};
  if (texts(rule["source_ips"]).length > 0) lists["sourceIps"] = texts(rule["source_ips"]);
  if (texts(rule["destination_ips"]).length > 0) lists["destinationIps"] = texts(rule["destination_ips"]);
  return {
    direction: text(rule["direction"]),
    protocol: text(rule["protocol"]),
    ...(typeof rule["port"] === "string" ? { port: rule["port"] } : {}),
    ...lists,
    ...(typeof rule["description"] === "string" && rule["description"] !== ""
      ? { description: rule["description"] }
      : {}),
  };
}

/** One spelling per address: a bare address is a network of one, and IPv6 is written in small letters. */
const network = (address: string): string => {
  const small = address.toLowerCase();
  return small.includes("/") ? small : `${small}/${small.includes(":") ? 128 : 32}`;
};

/** Rules and the addresses in them are sets for the vendor. */
const normaliseRules = (rules: Json): Json => {
  const written = (Array.isArray(rules) ? rules : []).map((rule) => {
    const api = ruleToApi(rule);
    const sorted = (key: string) => texts(api[key]).map(network).sort();
    return { ...api, source_ips: sorted("source_ips"), destination_ips: sorted("destination_ips") };
  });
  return written.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
};

type Target = Properties;
const serverTarget = (id: Json): Target => ({ type: "server", server: { id } });
const selectorTarget = (selector: Json): Target => ({ type: "label_selector", label_selector: { selector } });

function targetOf(applied: Properties): Target {
  return applied["type"] === "server"
    ? serverTarget(object(applied["server"])["id"] ?? 0)
    : selectorTarget(object(applied["label_selector"])["selector"] ?? "");
}

const targetsOfInput = (applyTos: Json | undefined): Target[] =>
  objects(applyTos).map((to) =>
    to["server"] === undefined ? selectorTarget(to["labelSelector"] ?? "") : serverTarget(to["server"]),
  );

async function retarget(
  context: Parameters<Resource<Hetzner>["create"]>[0],
  id: string,
  actual: Target[],
  wanted: Target[],
): Promise<void> {
  const missing = (from: Target[], those: Target[]) =>
    from.filter((one) => !those.some((other) => sameValue(one, other)));
  const [less, more] = [missing(actual, wanted), missing(wanted, actual)];
  const path = `/firewalls/${id}/actions`;
  if (less.length > 0)
    await context.client.act(context, `${path}/remove_from_resources`, { remove_from: less });
  if (more.length > 0) await context.client.act(context, `${path}/apply_to_resources`, { apply_to: more });
}

const properties: Record<string, Property> = {
  ...NAME,
  ...LABELS,
  rules: { type: "list", default: [], normalise: normaliseRules },
  applyTos: { type: "list", set: true },
};

function inputsOf(found: Properties): Properties {
  const applied = objects(found["applied_to"]).map(
    (to): Properties =>
      to["type"] === "server"
        ? { server: object(to["server"])["id"] ?? 0 }
        : { labelSelector: object(to["label_selector"])["selector"] ?? "" },
  );
  return {
    name: found["name"] ?? "",
    labels: object(found["labels"]),
    rules: objects(found["rules"]).map(ruleFromApi),
    applyTos: applied,
  };
}

export const firewall: Resource<Hetzner> = {
  properties,
  computed: [],
  autoname: "name",
  async create(context, inputs) {
    const body: Properties = {
      ...fields(inputs, ["name", "labels"]),
      rules: objects(inputs["rules"]).map(ruleToApi),
    };
    if (inputs["applyTos"] !== undefined) body["apply_to"] = targetsOfInput(inputs["applyTos"]);
    const answer = await context.client.call(context.signal, "POST", "/firewalls", body);
    await context.client.settle(context, objects(answer["actions"]));
    return { id: String(object(answer["firewall"])["id"]), outputs: {} };
  },
  async read(context, id) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    return found && { id, inputs: inputsOf(found), outputs: {} };
  },
  async update(context, id, _old, inputs, changed) {
    const body = changedFields(inputs, ["name", "labels"], changed);
    if (Object.keys(body).length > 0)
      await context.client.call(context.signal, "PUT", `/firewalls/${id}`, body);
    const rules = objects(inputs["rules"]).map(ruleToApi);
    // No rules are not sent (`GetOk` is false for an empty set), and the update succeeds: resourceFirewallUpdate in
    // terraform-provider-hcloud v1.68.0, internal/firewall/resource.go.
    if (changed.has("rules") && rules.length > 0)
      await context.client.act(context, `/firewalls/${id}/actions/set_rules`, { rules });
    if (changed.has("applyTos")) {
      const found = await context.client.get(context.signal, `/firewalls/${id}`, "firewall");
      await retarget(
        context,
        id,
        objects(found["applied_to"]).map(targetOf),
        targetsOfInput(inputs["applyTos"]),
      );
    }
    const { rules: kept = [] } = inputsOf(
      await context.client.get(context.signal, `/firewalls/${id}`, "firewall"),
    );
    return rules.length === 0 ? { rules: kept } : {};
  },
  async delete(context, id) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    if (!found) return;
    await retarget(context, id, objects(found["applied_to"]).map(targetOf), []);
    await whileInUse(context, () => context.client.remove(context, `/firewalls/${id}`));
  },
};

const targetsOf = (inputs: Properties): Target[] => [
  ...(Array.isArray(inputs["serverIds"]) ? inputs["serverIds"] : []).map(serverTarget),
  ...texts(inputs["labelSelectors"]).map(selectorTarget),
];

export const firewallAttachment: Resource<Hetzner> = {
  properties: {
    firewallId: { type: "number", required: true, replace: true },
    serverIds: { type: "list", set: true, default: [] },
    labelSelectors: { type: "list", set: true, default: [] },
  },
  computed: [],
  validate: (inputs) =>
    inputs["serverIds"] === undefined && inputs["labelSelectors"] === undefined
      ? [["serverIds", "give serverIds or labelSelectors"]]
      : [],
  async create(context, inputs) {
    const id = String(inputs["firewallId"]);
    const found = await context.client.get(context.signal, `/firewalls/${id}`, "firewall");
    const actual = objects(found["applied_to"]).map(targetOf);
    const wanted = targetsOf(inputs);
    const kept = actual.filter((one) => !wanted.some((other) => sameValue(one, other)));
    await retarget(context, id, actual, [...wanted, ...kept]);
    return { id, outputs: {} };
  },
  async read(context, id) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    if (!found) return undefined;
    const { applyTos } = inputsOf(found);
    const given = objects(applyTos);
    const pick = (key: string) =>
      given.map((to) => to[key]).filter((value): value is Json => value !== undefined);
    return {
      id,
      inputs: { firewallId: Number(id), serverIds: pick("server"), labelSelectors: pick("labelSelector") },
      outputs: {},
    };
  },
  async update(context, id, old, inputs) {
    await retarget(context, id, targetsOf(old.inputs), targetsOf(inputs));
    return {};
  },
  async delete(context, id, old) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    if (!found) return;
    const mine = targetsOf(isObject(old.outputs) ? old.outputs : {});
    const actual = objects(found["applied_to"]).map(targetOf);
    await retarget(
      context,
      id,
      actual,
      actual.filter((one) => !mine.some((other) => sameValue(one, other))),
    );
  },
};
