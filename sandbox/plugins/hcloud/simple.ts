/** Resources that are one object with few rules: SSH keys and placement groups. */
import { Incomplete, type Property, type Resource, text } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import type { Hetzner } from "./client.ts";

export const LABELS: Record<string, Property> = { labels: { type: "map", default: {} } };
export const NAME: Record<string, Property> = { name: { type: "string", required: true } };
export const PROTECTION: Record<string, Property> = { deleteProtection: { type: "boolean", default: false } };

/** The request fields of inputs: `autoDelete` is `auto_delete`. Absent inputs are left out. */
export function fields(inputs: Properties, names: string[]): Properties {
  const given: Properties = {};
  for (const name of names) {
    const value = inputs[name];
    if (value !== undefined) given[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return given;
}

/** The fields of changed inputs; labels that are absent now become empty. */
export function changedFields(inputs: Properties, names: string[], changed: Set<string>): Properties {
  const given = names.filter((name) => changed.has(name));
  return {
    ...fields(inputs, given),
    ...(changed.has("labels") && inputs["labels"] === undefined && { labels: {} }),
  };
}

interface Kind {
  /** Path and JSON key: `/ssh_keys`, `ssh_key`. */
  path: string;
  key: string;
  properties: Record<string, Property>;
  computed: string[];
  create: string[];
  update: string[];
  /** The inputs in the vendor's answer. */
  inputs(found: Properties): Properties;
  outputs(found: Properties): Properties;
}

function simple(kind: Kind): Resource<Hetzner> {
  const outputs = (found: Properties) => ({ ...kind.inputs(found), ...kind.outputs(found) });
  return {
    properties: kind.properties,
    computed: kind.computed,
    autoname: "name",
    async create(context, inputs) {
      const body = fields(inputs, kind.create);
      const answer = await context.client.call(context.signal, "POST", kind.path, { body });
      const found = object(answer[kind.key]);
      const id = String(found["id"]);
      try {
        await context.client.waitFor(context, [object(answer["action"]), ...objects(answer["next_actions"])]);
        return {
          id,
          outputs: outputs(await context.client.get(context.signal, `${kind.path}/${id}`, kind.key)),
        };
      } catch (error) {
        throw new Incomplete(id, outputs(found), error);
      }
    },
    async read(context, id) {
      const found = await context.client.find(context.signal, `${kind.path}/${id}`, kind.key);
      return found && { id, inputs: kind.inputs(found), outputs: outputs(found) };
    },
    async update(context, id, { inputs, changed }) {
      const body = changedFields(inputs, kind.update, changed);
      if (Object.keys(body).length > 0)
        await context.client.call(context.signal, "PUT", `${kind.path}/${id}`, { body });
      return outputs(await context.client.get(context.signal, `${kind.path}/${id}`, kind.key));
    },
    delete: (context, id) => context.client.remove(context, `${kind.path}/${id}`),
  };
}

const keyText = (value: Json): Json => text(value).trim().split(/\s+/).slice(0, 2).join(" ");

export const sshKey = simple({
  path: "/ssh_keys",
  key: "ssh_key",
  properties: {
    ...NAME,
    ...LABELS,
    publicKey: { type: "string", required: true, replace: true, normalise: keyText },
  },
  computed: ["fingerprint"],
  create: ["name", "publicKey", "labels"],
  update: ["name", "labels"],
  inputs: (found) => ({
    name: found["name"] ?? "",
    publicKey: found["public_key"] ?? "",
    labels: object(found["labels"]),
  }),
  outputs: (found) => ({ fingerprint: found["fingerprint"] ?? "" }),
});

export const placementGroup = simple({
  path: "/placement_groups",
  key: "placement_group",
  properties: { ...NAME, ...LABELS, type: { type: "string", required: true, replace: true } },
  computed: ["servers"],
  create: ["name", "type", "labels"],
  update: ["name", "labels"],
  inputs: (found) => ({
    name: found["name"] ?? "",
    type: found["type"] ?? "",
    labels: object(found["labels"]),
  }),
  outputs: (found) => ({ servers: found["servers"] ?? [] }),
});
