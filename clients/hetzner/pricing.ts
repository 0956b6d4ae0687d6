/**
 * Hetzner Cloud's price list. Prices are net, in the currency of the project's owner, and decimal
 * texts. Source: docs.hetzner.cloud, "Pricing" (`GET /v1/pricing`); hcloud-go, hcloud/schema/pricing.go.
 */
import * as z from "zod";
import type { VendorApi } from "../vendor-api.ts";

const amount = z.object({ net: z.coerce.number().nonnegative() });
const perLocation = z.array(z.object({ location: z.string(), price_monthly: amount }));

const priceList = z.object({
  pricing: z.object({
    currency: z.string(),
    server_types: z.array(z.object({ name: z.string(), prices: perLocation })),
    primary_ips: z.array(z.object({ type: z.string(), prices: perLocation })),
    /** Per cent of the server's price. */
    server_backup: z.object({ percentage: z.coerce.number().nonnegative() }),
    volume: z.object({ price_per_gb_month: amount }),
  }),
});

type Entries = readonly { readonly prices: z.infer<typeof perLocation> }[];

const priceIn = (entry: Entries[number] | undefined, location: string): number | undefined =>
  entry?.prices.find((each) => each.location === location)?.price_monthly.net;

/** Net prices of a month. Undefined: the list does not have it. */
export class HetznerPrices {
  readonly #list: z.infer<typeof priceList>["pricing"];

  /** @throws z.ZodError when the answer is no price list */
  constructor(answer: unknown) {
    this.#list = priceList.parse(answer).pricing;
  }

  /** ISO 4217. */
  get currency(): string {
    return this.#list.currency;
  }

  server(type: string, location: string): number | undefined {
    return priceIn(
      this.#list.server_types.find(({ name }) => name === type),
      location,
    );
  }

  /** A primary IP. IPv6 networks are free, and the list may leave them out. */
  primaryIp(type: "ipv4" | "ipv6", location: string): number | undefined {
    const found = priceIn(
      this.#list.primary_ips.find((each) => each.type === type),
      location,
    );
    return found ?? (type === "ipv6" ? 0 : undefined);
  }

  /** Share of a server's price that its backups cost: 0.2. */
  get backupShare(): number {
    return this.#list.server_backup.percentage / 100;
  }

  volume(gigabytes: number): number {
    return this.#list.volume.price_per_gb_month.net * gigabytes;
  }
}

/** @throws VendorError, or z.ZodError when the answer is no price list */
export const readPrices = async (api: VendorApi): Promise<HetznerPrices> =>
  new HetznerPrices(await api.request("GET", "/pricing"));
