/** Keys with which a machine joins the tailnet. The API shows the key itself once, at creation. */
import { type Property, type Resource, text, texts } from "../framework/resource.ts";
import { object, type Properties } from "../framework/values.ts";
import { isMissing, type Tailscale } from "./client.ts";

const properties: Record<string, Property> = {
  reusable: { type: "boolean", replace: true, default: false },
  ephemeral: { type: "boolean", replace: true, default: false },
  preauthorized: { type: "boolean", replace: true, default: false },
  tags: { type: "list", replace: true, set: true, default: [] },
  expiry: { type: "number", replace: true },
  description: { type: "string", replace: true, default: "" },
  recreateIfInvalid: { type: "string", writeOnly: true },
};

/** Whether an expired or used key is created again; by default a reusable one is. */
function isRecreated(inputs: Properties, reusable: boolean): boolean {
  const rule = text(inputs["recreateIfInvalid"]);
  return rule === "always" || (rule !== "never" && reusable);
}

/** Dates have whole seconds, as in the official provider. */
const date = (value: unknown): string => String(value ?? "").replace(/\.\d+Z$/, "Z");

function outputsOf(found: Properties): Properties {
  return {
    createdAt: date(found["created"]),
    expiresAt: date(found["expires"]),
    invalid: found["invalid"] ?? false,
    ...(typeof found["expirySeconds"] === "number" && { expiry: found["expirySeconds"] }),
    userId: found["userId"] ?? "",
  };
}

export const tailnetKey: Resource<Tailscale> = {
  properties,
  computed: ["key", "createdAt", "expiresAt", "invalid", "expiry", "userId"],
  secretOutputs: ["key"],
  validate(inputs) {
    const wrong: [string, string][] = [];
    if (text(inputs["description"]).length > 50)
      wrong.push(["description", "may have 50 characters at most"]);
    if (!["", "always", "never"].includes(text(inputs["recreateIfInvalid"]))) {
      wrong.push(["recreateIfInvalid", "must be always or never"]);
    }
    return wrong;
  },
  async create({ client, signal }, inputs) {
    const { reusable = false, ephemeral = false, preauthorized = false } = inputs;
    const made = await client.call(signal, "POST", client.tailnet("/keys"), {
      capabilities: {
        devices: { create: { reusable, ephemeral, preauthorized, tags: texts(inputs["tags"]) } },
      },
      expirySeconds: inputs["expiry"] ?? 0,
      description: text(inputs["description"]),
    });
    return { id: text(made["id"]), outputs: { ...outputsOf(made), key: made["key"] ?? "" } };
  },
  async read({ client, signal }, id, old) {
    const found = await client.find(signal, client.tailnet(`/keys/${id}`));
    const known = Object.keys(old.inputs).length > 0;
    const made = object(object(object(found?.["capabilities"])["devices"])["create"]);
    const reusable = found ? made["reusable"] === true : old.inputs["reusable"] === true;
    const invalid = !found || found["invalid"] === true;
    // The vendor forgets a one-off key after its use, which is no reason to create another.
    if (invalid && (!known || isRecreated(old.inputs, reusable))) return undefined;
    if (!found) return { id, inputs: old.inputs, outputs: { ...old.outputs, invalid: true } };
    const inputs = {
      reusable,
      ephemeral: made["ephemeral"] ?? false,
      preauthorized: made["preauthorized"] ?? false,
      tags: texts(made["tags"]),
      description: text(found["description"]),
      ...(old.inputs["expiry"] !== undefined && {
        expiry: found["expirySeconds"] ?? old.inputs["expiry"],
      }),
    };
    const { key } = old.outputs;
    return { id, inputs, outputs: { ...outputsOf(found), ...(key !== undefined && { key }) } };
  },
  async delete({ client, signal }, id) {
    try {
      await client.call(signal, "DELETE", client.tailnet(`/keys/${id}`));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  },
};
