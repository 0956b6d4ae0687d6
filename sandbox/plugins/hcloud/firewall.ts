/** Firewalls. A server names its firewalls itself (`firewallIds`). */
import { type Property, type Resource, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import { type Hetzner, retryWhileInUse } from "./client.ts";
import { changedFields, fields, LABELS, NAME } from "./simple.ts";

/** A rule in the API's form: absent lists are empty, and only TCP and UDP have a port. */
function ruleToApi(rule: Json): Properties {
  const given = object(rule);
  return {
    direction: text(given["direction"]),
    protocol: text(given["protocol"]),
    ...(given["port"] !== undefined && { port: String(given["port"]) }),
    source_ips: texts(given["sourceIps"]),
    destination_ips: texts(given["destinationIps"]),
    ...(given["description"] !== undefined && { description: text(given["description"]) }),
  };
}

function ruleFromApi(rule: Properties): Properties {
  const [sources, destinations] = [texts(rule["source_ips"]), texts(rule["destination_ips"])];
  const description = text(rule["description"]);
  return {
    direction: text(rule["direction"]),
    protocol: text(rule["protocol"]),
    ...(typeof rule["port"] === "string" && { port: rule["port"] }),
    ...(sources.length > 0 && { sourceIps: sources }),
    ...(destinations.length > 0 && { destinationIps: destinations }),
    ...(description !== "" && { description }),
  };
}

/** Normal form of an address: a single address is a network of one, and IPv6 has lower case. */
const network = (address: string): string => {
  const lower = address.toLowerCase();
  return lower.includes("/") ? lower : `${lower}/${lower.includes(":") ? 128 : 32}`;
};

/** The order of rules and of their addresses has no meaning to the vendor. */
const normaliseRules = (rules: Json): Json => {
  const written = (Array.isArray(rules) ? rules : []).map((rule) => {
    const api = ruleToApi(rule);
    const sorted = (key: string) => texts(api[key]).map(network).sort();
    return { ...api, source_ips: sorted("source_ips"), destination_ips: sorted("destination_ips") };
  });
  return written.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
};

const properties: Record<string, Property> = {
  ...NAME,
  ...LABELS,
  rules: { type: "list", default: [], normalise: normaliseRules },
};

function inputsOf(found: Properties): Properties {
  return {
    name: found["name"] ?? "",
    labels: object(found["labels"]),
    rules: objects(found["rules"]).map(ruleFromApi),
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
    const answer = await context.client.call(context.signal, "POST", "/firewalls", { body });
    await context.client.waitFor(context, objects(answer["actions"]));
    return { id: String(object(answer["firewall"])["id"]), outputs: {} };
  },
  async read(context, id) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    return found && { id, inputs: inputsOf(found), outputs: {} };
  },
  async update(context, id, { inputs, changed }) {
    const body = changedFields(inputs, ["name", "labels"], changed);
    if (Object.keys(body).length > 0)
      await context.client.call(context.signal, "PUT", `/firewalls/${id}`, { body });
    const rules = objects(inputs["rules"]).map(ruleToApi);
    // An empty set is not sent (`GetOk` is false for it), and the update succeeds: resourceFirewallUpdate
    // in terraform-provider-hcloud v1.68.0, internal/firewall/resource.go.
    if (changed.has("rules") && rules.length > 0)
      await context.client.runAction(context, `/firewalls/${id}/actions/set_rules`, { rules });
    if (rules.length > 0) return {};
    const found = await context.client.get(context.signal, `/firewalls/${id}`, "firewall");
    return { rules: inputsOf(found)["rules"] ?? [] };
  },
  async delete(context, id) {
    const found = await context.client.find(context.signal, `/firewalls/${id}`, "firewall");
    if (!found) return;
    const servers = objects(found["applied_to"]).map(
      (to): Json => ({
        type: "server",
        server: { id: object(to["server"])["id"] ?? 0 },
      }),
    );
    if (servers.length > 0)
      await context.client.runAction(context, `/firewalls/${id}/actions/remove_from_resources`, {
        remove_from: servers,
      });
    await retryWhileInUse(context, () => context.client.remove(context, `/firewalls/${id}`));
  },
};
