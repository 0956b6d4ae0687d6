import type { Price } from "../../../components/fleet/cost-items.ts";
import { isOf, settingsOf } from "../../../inventory/providers.ts";
import type { OpenCatalogue } from "../../../providers/catalogue.ts";
import { RackApi } from "./client.ts";
import { table } from "./table.ts";

export const catalogue: OpenCatalogue = async () => {
  const prices = await new RackApi(process.env).prices().catch(() => undefined);
  if (prices === undefined) return undefined;
  const amount = prices["half"]?.["cellar"];
  const price: Price | undefined = amount === undefined ? undefined : { amount, currency: "EUR" };
  return {
    hostItems(host) {
      if (!isOf(host, table)) return [];
      return [{ what: `hosts.${host.name}: slot ${settingsOf(host, table).slot}`, ...(price && { price }) }];
    },
    // Its resources are commands, which do not name what they hold.
    resourceItems: () => [],
  };
};
