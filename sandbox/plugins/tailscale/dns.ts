/** The tailnet's DNS: each resource is one setting, which always exists. */
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
  /** What it is without the resource. */
  empty: Json;
}

function setting({ path, field, input, property, empty }: Setting): Resource<Tailscale> {
  const write = (client: Tailscale, signal: AbortSignal, value: Json) =>
    client.call(signal, "POST", client.tailnet(path), { [field]: value });
  return {
    properties: { [input]: { ...property, required: true } },
    computed: [],
    async create({ client, signal }, inputs) {
      await write(client, signal, inputs[input] ?? empty);
      return { id: randomUUID(), outputs: {} };
    },
    async read({ client, signal }, id) {
      const found = await client.call(signal, "GET", client.tailnet(path));
      return { id, inputs: { [input]: found[field] ?? empty }, outputs: {} };
    },
    async update({ client, signal }, _id, _old, inputs) {
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
    return Array.isArray(nameservers) ? { id, inputs: { domain: id, nameservers }, outputs: {} } : undefined;
  },
  async update({ client, signal }, _id, _old, inputs) {
    await splitDns(client, signal, inputs);
    return {};
  },
  async delete({ client, signal }, id) {
    await client.call(signal, "PATCH", client.tailnet(SPLIT), { [id]: null });
  },
};
