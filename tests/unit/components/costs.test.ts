/** What a stack costs in a month. */
import { HetznerPrices } from "../../../clients/hetzner/pricing.ts";
import { stackCost } from "../../../components/fleet/costs.ts";
import type { Plan } from "../../../inventory/plan.ts";
import { costText } from "../../../preview/comment/words.ts";
import { catalogueOf } from "../../../providers/hetzner/catalogue.ts";
import type { HetznerHost } from "../../../providers/hetzner/host.ts";
import { pricingView } from "../../../sandbox/vendors/hetzner/pricing.ts";

const prices = [catalogueOf(new HetznerPrices(pricingView))];

const host = (name: string, serverType = "cx23", backups = false) =>
  ({ name, provider: { kind: "hetzner", serverType, location: "fsn1", backups } }) as unknown as HetznerHost;
const plan = (hosts: HetznerHost[], retired: HetznerHost[] = []) =>
  ({ hosts, retired }) as Pick<Plan, "hosts" | "retired">;
const urn = (name: string) => `urn:pulumi:s::p::t::${name}`;
const server = (name: string, serverType = "cx23") => ({
  [urn(`${name}-server`)]: {
    type: "hcloud:index/server:Server",
    outputs: { serverType, location: "fsn1", backups: false },
  },
  [urn(`${name}-ipv4`)]: {
    type: "hcloud:index/primaryIp:PrimaryIp",
    outputs: { type: "ipv4", location: "fsn1" },
  },
  [urn(`${name}-ipv6`)]: {
    type: "hcloud:index/primaryIp:PrimaryIp",
    outputs: { type: "ipv6", location: "fsn1" },
  },
  [urn(`${name}-firewall`)]: { type: "hcloud:index/firewall:Firewall", outputs: {} },
});

// cx23 4.00, cx33 6.00, an IPv4 address 0.50 (sandbox/vendors/hetzner).
test("a new server: its type, its IPv4 address, and nothing before", () => {
  expect(stackCost(plan([host("web")]), prices, { outputs: {} })).toEqual({
    currency: "EUR",
    monthly: 4.5,
    before: 0,
  });
});

test("backups cost 20 % of the server", () => {
  expect(stackCost(plan([host("web", "cx23", true)]), prices, { outputs: {} })?.monthly).toBe(5.3);
});

test("an unchanged stack has no difference; a larger type and a further server have theirs", () => {
  const same = stackCost(plan([host("web")]), prices, { outputs: server("web") });
  expect(same).toEqual({ currency: "EUR", monthly: 4.5, before: 4.5 });
  const more = stackCost(plan([host("web", "cx33"), host("db")]), prices, { outputs: server("web") });
  expect(more && costText(more)).toBe("11.00 EUR a month (+6.50 EUR a month)");
});

test("a server that is removed costs nothing, a decommissioned one that stays does", () => {
  const state = { ...server("web"), ...server("old") };
  expect(stackCost(plan([host("web")]), prices, { outputs: state })).toMatchObject({
    monthly: 4.5,
    before: 9,
  });
  expect(stackCost(plan([host("web")], [host("old")]), prices, { outputs: state })).toMatchObject({
    monthly: 9,
    before: 9,
  });
});

test("a volume of the state costs by its size", () => {
  const state = { [urn("data")]: { type: "hcloud:index/volume:Volume", outputs: { size: 100 } } };
  expect(stackCost(plan([]), prices, { outputs: state })?.before).toBe(4.4);
});

test("what the price list lacks is named, and not counted as free", () => {
  const cost = stackCost(plan([host("web"), host("odd", "cx99")]), prices, { outputs: {} });
  expect(cost).toMatchObject({ monthly: 5, unpriced: ["hosts.odd: cx99 in fsn1"] });
  expect(cost && costText(cost)).toContain("without 1 that the price list lacks");
});

test("without prices there is no sum, and without a state no difference", () => {
  expect(stackCost(plan([host("web")]), [], { outputs: {} })).toBeUndefined();
  expect(stackCost(plan([host("web")]), prices, undefined)).toEqual({ currency: "EUR", monthly: 4.5 });
});

test("an answer that is no price list is an error", () => {
  expect(() => new HetznerPrices({ pricing: { currency: "EUR" } })).toThrow();
});
