/** The lookup of a zone. */
import { type Invocation, text } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";
import { type Cloudflare, fromApi } from "./client.ts";

/** A zone as the program gets it, without the fields that are null. */
function zoneOf(found: Properties): Properties {
  const all = object(fromApi(found));
  const present = Object.entries(all).filter(([key, value]) => key !== "id" && value !== null);
  return Object.fromEntries(present);
}

/** The one zone of a name. Other filters are not supported. */
export const getZone: Invocation<Cloudflare> = {
  properties: { filter: { type: "map", required: true } },
  async run({ client, signal }, args) {
    const query = { name: text(object(args["filter"])["name"]) };
    const found = objects(await client.call(signal, "GET", "/zones", { query }));
    const [zone] = found;
    if (!zone || found.length > 1)
      throw new Error(`getZone: expected one zone for ${JSON.stringify(query)}, found ${found.length}`);
    return { ...args, ...zoneOf(zone), id: zone["id"] ?? "", zoneId: zone["id"] ?? "" };
  },
};
