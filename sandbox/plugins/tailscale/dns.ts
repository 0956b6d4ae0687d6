/** The tailnet's DNS. Each resource is one setting, which always exists. */
import { randomUUID } from "node:crypto";
import type { Property, Resource } from "../framework/resource.ts";
import type { Json } from "../framework/values.ts";
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
