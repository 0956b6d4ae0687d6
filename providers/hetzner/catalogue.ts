/** What servers at Hetzner Cloud cost. */
import { Config } from "@pulumi/pulumi/config.js";
import { HETZNER_ENDPOINT, HetznerApi } from "../../clients/hetzner/api.ts";
import { type HetznerPrices, readPrices } from "../../clients/hetzner/pricing.ts";
import type { CostItem, StateResource } from "../../components/fleet/cost-items.ts";
import type { Catalogue, OpenCatalogue } from "../catalogue.ts";
import { type HetznerHost, isHetzner } from "./host.ts";

interface ServerFacts {
  readonly type: string;
  readonly location: string;
  readonly backups: boolean;
}

/** A server with its backups. */
function serverItem(prices: HetznerPrices, owner: string, server: ServerFacts): CostItem {
  const amount = prices.server(server.type, server.location);
  const share = server.backups ? 1 + prices.backupShare : 1;
  return {
    what: `${owner}: ${server.type} in ${server.location}`,
    ...(amount !== undefined && { price: { amount: amount * share, currency: prices.currency } }),
  };
}

function addressItem(
  prices: HetznerPrices,
  owner: string,
  type: "ipv4" | "ipv6",
  location: string,
): CostItem {
  const amount = prices.primaryIp(type, location);
  return {
    what: `${owner}: ${type} address in ${location}`,
    ...(amount !== undefined && { price: { amount, currency: prices.currency } }),
  };
}

/** A host's server and its addresses: every server has both kinds (addresses.ts). */
function hostItems(prices: HetznerPrices, { name, provider }: HetznerHost): CostItem[] {
  const { serverType: type, location, backups } = provider;
  return [
    serverItem(prices, `hosts.${name}`, { type, location, backups }),
    addressItem(prices, `hosts.${name}`, "ipv4", location),
    addressItem(prices, `hosts.${name}`, "ipv6", location),
  ];
}

/** `web-server`, `web-ipv4` -> `web`: the resources of server.ts and addresses.ts. */
const hostOf = (resource: string): string => resource.replace(/-(server|ipv4|ipv6)$/, "");

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What a resource of the state costs; none: it is free, or another vendor's. */
function resourceItems(prices: HetznerPrices, { type, name, outputs }: StateResource): CostItem[] {
  const location = text(outputs["location"]);
  switch (type) {
    case "hcloud:index/server:Server": {
      const backups = outputs["backups"] === true;
      const item = serverItem(prices, name, { type: text(outputs["serverType"]), location, backups });
      return [{ ...item, host: hostOf(name) }];
    }
    case "hcloud:index/primaryIp:PrimaryIp": {
      const item = addressItem(prices, name, outputs["type"] === "ipv6" ? "ipv6" : "ipv4", location);
      return [{ ...item, host: hostOf(name) }];
    }
    case "hcloud:index/volume:Volume": {
      const amount = prices.volume(Number(outputs["size"]) || 0);
      return [{ what: name, price: { amount, currency: prices.currency } }];
    }
    default:
      return [];
  }
}

/** Of one request only: a run works without prices, and should not wait for them. */
const MAX_ATTEMPTS = 1;

export const catalogueOf = (prices: HetznerPrices): Catalogue => ({
  hostItems: (host) => (isHetzner(host) ? hostItems(prices, host) : []),
  resourceItems: (resource) => resourceItems(prices, resource),
});

/** A run works without prices. */
export const catalogue: OpenCatalogue = async () => {
  const config = new Config("hcloud");
  const token = config.get("token") || process.env["HCLOUD_TOKEN"];
  if (!token) return undefined;
  const endpoint = config.get("endpoint") ?? HETZNER_ENDPOINT;
  try {
    return catalogueOf(await readPrices(new HetznerApi({ endpoint, token, maxAttempts: MAX_ATTEMPTS })));
  } catch {
    return undefined;
  }
};
