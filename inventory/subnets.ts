/** Networks behind routers: overlapping networks can't both be routed, and an address must not be assigned twice. */
import type { Problem } from "./problems.ts";
import type { Inventory } from "./schema.ts";

/** First and last address of a range, as numbers. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** An IPv4 address as a number; undefined for other text. */
function numberOf(address: string): number | undefined {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return undefined;
  return parts.reduce((number, part) => number * 256 + part, 0);
}

function networkRange(network: string): Range | undefined {
  const [address = "", bits = ""] = network.split("/");
  const number = numberOf(address);
  if (number === undefined) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}

const overlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;

/** Problems of the networks in `[hosts.NAME.router]`. */
export function subnetProblems(inventory: Inventory): Problem[] {
  const problems: Problem[] = [];
  const routers = Object.entries(inventory.hosts).flatMap(([name, { router }]) => {
    const range = router && networkRange(router.lan.network);
    return router === undefined || range === undefined ? [] : [{ name, router, range }];
  });
  // Addresses of machines; the routers' own addresses are checked separately.
  const machines = Object.entries(inventory.hosts).flatMap(([name, { provider }]) => {
    const address = provider.kind === "existing" ? provider.address : undefined;
    const number = address === undefined ? undefined : numberOf(address);
    return number === undefined ? [] : [{ name, address, number }];
  });
  for (const [index, { name, router, range }] of routers.entries()) {
    const key = `hosts.${name}.router`;
    const other = routers.slice(0, index).find((each) => overlap(each.range, range));
    if (other !== undefined) {
      problems.push({
        key: `${key}.lan.network`,
        message: `${router.lan.network} overlaps ${other.router.lan.network} of hosts.${other.name}: both routes are advertised to the tailnet: give one of them another network`,
      });
    }
    const own = numberOf(router.lan.address);
    if (own !== undefined && (own < range.first || own > range.last)) {
      problems.push({
        key: `${key}.lan.address`,
        message: `${router.lan.address} is not in ${router.lan.network}: give the router an address of that network`,
      });
    }
    if (router.dhcp === undefined) continue;
    const { from, to } = router.dhcp;
    const pool = { first: numberOf(from) ?? 0, last: numberOf(to) ?? 0 };
    if (pool.first > pool.last || pool.first < range.first || pool.last > range.last) {
      problems.push({
        key: `${key}.dhcp`,
        message: `${from} to ${to} is not a range inside ${router.lan.network}: use addresses of that network, the lower one first`,
      });
      continue;
    }
    const taken = [
      ...(own === undefined ? [] : [{ name, address: router.lan.address, number: own }]),
      ...machines,
    ].find(({ number }) => number >= pool.first && number <= pool.last);
    if (taken !== undefined) {
      problems.push({
        key: `${key}.dhcp`,
        message: `${taken.address} of hosts.${taken.name} is in ${from} to ${to}: DHCP would assign it to another machine; move the address or the range`,
      });
    }
  }
  return problems;
}
