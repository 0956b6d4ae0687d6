/** Machines of the tailnet: their tags and keys, and finding them by name. */
import { randomUUID } from "node:crypto";
import { pause } from "../framework/http.ts";
import {
  type Context,
  type Invocation,
  type Property,
  type Resource,
  text,
  texts,
} from "../framework/resource.ts";
import { type Json, objects, type Properties } from "../framework/values.ts";
import type { Tailscale } from "./client.ts";
import { isMissing } from "./client.ts";

interface Setting {
  input: string;
  property: Property;
  /** Path under the device. */
  path: string;
  body(value: Json): Properties;
  /** What it is without the resource. */
  empty: Json;
  of(device: Properties): Json;
}

function deviceSetting({ input, property, path, body, empty, of }: Setting): Resource<Tailscale> {
  const set = async ({ client, signal }: Context<Tailscale>, id: string, value: Json) => {
    await client.call(signal, "POST", `/device/${encodeURIComponent(id)}/${path}`, body(value));
  };
  return {
    properties: { deviceId: { type: "string", required: true, replace: true }, [input]: property },
    computed: [],
    async create(context, inputs) {
      const id = text(inputs["deviceId"]);
      await set(context, id, inputs[input] ?? empty);
      return { id, outputs: {} };
    },
    async read({ client, signal }, id) {
      const device = await client.find(signal, `/device/${encodeURIComponent(id)}`);
      return device && { id, inputs: { deviceId: id, [input]: of(device) }, outputs: {} };
    },
    async update(context, id, _old, inputs) {
      await set(context, id, inputs[input] ?? empty);
      return {};
    },
    async delete(context, id) {
      try {
        await set(context, id, empty);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

export const deviceTags = deviceSetting({
  input: "tags",
  property: { type: "list", required: true, set: true },
  path: "tags",
  body: (tags) => ({ tags }),
  empty: [],
  of: (device) => texts(device["tags"]),
});

export const deviceKey = deviceSetting({
  input: "keyExpiryDisabled",
  property: { type: "boolean", default: false },
  path: "key",
  body: (keyExpiryDisabled) => ({ keyExpiryDisabled }),
  empty: false,
  of: (device) => device["keyExpiryDisabled"] ?? false,
});

const FIELDS: Record<string, Json> = {
  addresses: [],
  authorized: false,
  blocksIncomingConnections: false,
  clientVersion: "",
  created: "",
  expires: "",
  hostname: "",
  id: "",
  isExternal: false,
  keyExpiryDisabled: false,
  lastSeen: "",
  machineKey: "",
  name: "",
  nodeId: "",
  nodeKey: "",
  os: "",
  tags: [],
  tailnetLockError: "",
  tailnetLockKey: "",
  updateAvailable: false,
  user: "",
};

export const deviceOf = (found: Properties): Properties =>
  Object.fromEntries(Object.entries(FIELDS).map(([key, absent]) => [key, found[key] ?? absent]));

async function list(
  { client, signal }: Context<Tailscale>,
  query: Record<string, string[]>,
): Promise<Properties[]> {
  const answer = await client.request({ method: "GET", path: client.tailnet("/devices"), query, signal });
  return objects((answer.json as Properties)["devices"]);
}

/** Milliseconds in a duration such as "120s" or "2m". */
function waitFor(duration: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m)$/.exec(duration) ?? [];
  if (duration !== "" && amount === undefined)
    throw new Error(`waitFor: "${duration}" is no duration such as "120s"`);
  return Number(amount ?? 0) * (unit === "m" ? 60_000 : unit === "s" ? 1000 : 1);
}

/** One device by full name or short host name; with waitFor it is asked for again each second. */
export const getDevice: Invocation<Tailscale> = {
  properties: { name: { type: "string" }, hostname: { type: "string" }, waitFor: { type: "string" } },
  async run(context, args) {
    const key = args["name"] === undefined ? "hostname" : "name";
    const wanted = text(args[key]);
    if (wanted === "" || (args["name"] !== undefined && args["hostname"] !== undefined)) {
      throw new Error("getDevice: give exactly one of name, hostname");
    }
    const until = Date.now() + waitFor(text(args["waitFor"]));
    for (;;) {
      const found = (await list(context, { [key]: [wanted] })).find((device) => device[key] === wanted);
      if (found) return { ...args, ...deviceOf(found) };
      if (Date.now() >= until) throw new Error(`could not find device with ${key}="${wanted}"`);
      context.status(`waiting for device ${wanted}`);
      await pause(1000, context.signal);
    }
  },
};

export const getDevices: Invocation<Tailscale> = {
  properties: { namePrefix: { type: "string" }, filters: { type: "list" } },
  async run(context, args) {
    const filters = objects(args["filters"]).map((filter): [string, string[]] => [
      text(filter["name"]),
      texts(filter["values"]),
    ]);
    const found = await list(context, Object.fromEntries(filters));
    const prefix = text(args["namePrefix"]);
    const devices = found.map(deviceOf).filter((device) => text(device["name"]).startsWith(prefix));
    return { ...args, devices, id: randomUUID() };
  },
};
