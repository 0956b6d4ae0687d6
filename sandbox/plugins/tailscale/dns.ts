/** The tailnet's DNS. Each resource is one setting, which always exists. */
import { randomUUID } from "node:crypto";
import { type Property, type Resource, text, texts } from "../framework/resource.ts";
import { type Json, object, type Properties } from "../framework/values.ts";
import type { Tailscale } from "./client.ts";

interface Setting {
  /** Path under the tailnet, and the field in request and answer. */
  path: string;
  field: string;
  input: string;
  property: Property;
  /** Its value after the resource is deleted. */
  empty: Json;
  /** The official provider refuses an empty list. */
  refusesEmpty?: boolean;
}

function setting({ path, field, input, property, empty, refusesEmpty }: Setting): Resource<Tailscale> {
  const write = (client: Tailscale, signal: AbortSignal, value: Json) =>
    client.call(signal, "POST", client.tailnet(path), { [field]: value });
  return {
    properties: { [input]: { ...property, required: true } },
    computed: [],
    validate(inputs) {
      const value = inputs[input];
      const none = refusesEmpty === true && Array.isArray(value) && value.length === 0;
      return none ? [[input, "must have at least 1 entry"]] : [];
    },
    async create({ client, signal }, inputs) {
      await write(client, signal, inputs[input] ?? empty);
      return { id: randomUUID(), outputs: {} };
    },
    async read({ client, signal }, id) {
      const found = await client.call(signal, "GET", client.tailnet(path));
      return { id, inputs: { [input]: found[field] ?? empty }, outputs: {} };
    },
    async update({ client, signal }, _id, { inputs }) {
      await write(client, signal, inputs[input] ?? empty);
      return {};
    },
    async delete({ client, signal }) {
      await write(client, signal, empty);
    },
  };
}

export const dnsPreferences = setting({
  path: "/dns/preferences",
  field: "magicDNS",
  input: "magicDns",
  property: { type: "boolean" },
  empty: false,
});

export const dnsNameservers = setting({
  path: "/dns/nameservers",
  field: "dns",
  input: "nameservers",
  property: { type: "list" },
  empty: [],
  refusesEmpty: true,
});

export const dnsSearchPaths = setting({
  path: "/dns/searchpaths",
  field: "searchPaths",
  input: "searchPaths",
  property: { type: "list" },
  empty: [],
});

const SPLIT = "/dns/split-dns";

async function splitDns(client: Tailscale, signal: AbortSignal, inputs: Properties): Promise<void> {
  await client.call(signal, "PATCH", client.tailnet(SPLIT), {
    [text(inputs["domain"])]: texts(inputs["nameservers"]),
  });
}

export const dnsSplitNameservers: Resource<Tailscale> = {
  properties: {
    domain: { type: "string", required: true, replace: true },
    nameservers: { type: "list", required: true, set: true },
  },
  computed: [],
  async create({ client, signal }, inputs) {
    await splitDns(client, signal, inputs);
    return { id: text(inputs["domain"]), outputs: {} };
  },
  async read({ client, signal }, id) {
    const nameservers = object(await client.call(signal, "GET", client.tailnet(SPLIT)))[id];
    // A domain that was deleted reads as one without resolvers, never as a deleted resource
    // (resource_dns_split_nameservers.go v0.29.1, Read).
    return { id, inputs: { domain: id, nameservers: nameservers ?? [] }, outputs: {} };
  },
  async update({ client, signal }, _id, { inputs }) {
    await splitDns(client, signal, inputs);
    return {};
  },
  async delete({ client, signal }, id) {
    await client.call(signal, "PATCH", client.tailnet(SPLIT), { [id]: null });
  },
};
