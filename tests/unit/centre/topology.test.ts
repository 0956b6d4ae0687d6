import { type Box, partsOf, placeTopology, topologyOf } from "../../../centre/view/topology.ts";
import { exampleFleet, largeFleet } from "../../../tools/docs/example-fleet.ts";
import { hostOf } from "./fixtures.ts";

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const isInside = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

test.each([
  ["the example", exampleFleet().details, 4],
  ["sixty hosts", largeFleet(60).details, 4],
  ["sixty hosts in one column", largeFleet(60).details, 1],
  ["two environments", [...largeFleet(5).details, hostOf({ name: "other", wave: 7 })], 4],
  ["no host", [], 4],
])("%s: each host has a place of its own, inside its wave and environment", (_, details, columns) => {
  const picture = placeTopology(topologyOf(details), columns);
  const whole: Box = { x: 0, y: 0, width: picture.width, height: picture.height };
  const environments = picture.environments;
  const waves = environments.flatMap(({ box, waves }) => waves.map((wave) => ({ ...wave, outer: box })));
  const hosts = waves.flatMap(({ box, hosts }) => hosts.map((host) => ({ ...host, outer: box })));
  expect(hosts.map(({ detail }) => detail.status.name).sort()).toEqual(
    details.map(({ status }) => status.name).sort(),
  );
  for (const { box } of environments) expect(isInside(box, whole)).toBe(true);
  for (const { box, outer } of [...waves, ...hosts]) expect(isInside(box, outer)).toBe(true);
  for (const boxes of [environments, waves, hosts]) {
    const pairs = boxes.flatMap((a, at) => boxes.slice(at + 1).map((b) => overlap(a.box, b.box)));
    expect(pairs).not.toContain(true);
  }
});

test("waves are in the order of deploys, and hosts in that of their names", () => {
  const [only] = topologyOf([
    hostOf({ name: "b", wave: 10 }),
    hostOf({ name: "c", wave: 2 }),
    hostOf({ name: "a", wave: 10 }),
  ]);
  expect(only?.waves.map(({ wave, hosts }) => [wave, hosts.map(({ detail }) => detail.status.name)])).toEqual(
    [
      [2, ["c"]],
      [10, ["a", "b"]],
    ],
  );
});

test("a name is shown once with its types, and not when a service has it in its address", () => {
  const record = (name: string, type: string) => ({ name, type, content: "-" });
  const host = {
    ...hostOf({ name: "web" }),
    services: [
      { name: "shop", url: "https://shop.example.test/start", public: true },
      { name: "odd", url: "not an address", public: false },
    ],
    names: [
      record("web.example.test", "A"),
      record("web.example.test", "AAAA"),
      record("web.example.test", "A"),
      record("shop.example.test", "CNAME"),
    ],
  };
  expect(partsOf(host).map(({ kind, text, detail }) => [kind, text, detail])).toEqual([
    ["service", "shop", "shop.example.test"],
    ["service", "odd", "not an address, tailnet only"],
    ["name", "web.example.test", "A AAAA"],
  ]);
});
