/** The vendor's price list: the same for every project. Source: docs.hetzner.cloud, "Pricing". */
import { locations, serverTypes } from "./catalog.ts";
import { money } from "./views.ts";

const IPV4_MONTHLY = 0.5;
const perLocation = (names: readonly string[], monthly: number) =>
  names.map((location) => ({ location, price_hourly: money(monthly / 624), price_monthly: money(monthly) }));
const everywhere = locations.map(({ name }) => name);

/** The answer to `GET /v1/pricing`. */
export const pricingView = {
  pricing: {
    currency: "EUR",
    vat_rate: "19.00",
    image: { price_per_gb_month: money(0.011) },
    floating_ip: { price_monthly: money(3) },
    floating_ips: [
      { type: "ipv4", prices: perLocation(everywhere, 3) },
      { type: "ipv6", prices: perLocation(everywhere, 1) },
    ],
    primary_ips: [
      { type: "ipv4", prices: perLocation(everywhere, IPV4_MONTHLY) },
      { type: "ipv6", prices: perLocation(everywhere, 0) },
    ],
    server_backup: { percentage: "20.00" },
    server_types: serverTypes.map(({ id, name, monthly, locations: places }) => ({
      id,
      name,
      prices: perLocation(places, monthly).map((price) => ({
        ...price,
        included_traffic: 20 * 2 ** 40,
        price_per_tb_traffic: money(1),
      })),
    })),
    load_balancer_types: [],
    volume: { price_per_gb_month: money(0.044) },
  },
};
