import * as fc from "fast-check";
import { stringify } from "smol-toml";
import { InventoryError, parseInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const environment = fc.constantFrom("production", "staging", "homelab", "sandbox");
const provider = fc.oneof(
  fc.record({
    kind: fc.constant("hetzner"),
    location: fc.constantFrom("fsn1", "hel1"),
    server_type: fc.constant("cx23"),
  }),
  fc.record({ kind: fc.constant("existing"), vendor: label }),
  fc.record({ kind: fc.constant("image") }),
);
const host = fc.record({
  environment,
  profiles: fc.constant(["server"]),
  wave: fc.integer({ min: 1, max: 99 }),
  provider,
});
const hosts = fc.dictionary(label, host, { minKeys: 1, maxKeys: 6 });

/** A fleet whose services run on its hosts, each with its own port and name. */
const fleet = hosts.chain((table) => {
  const names = Object.keys(table);
  const service = fc.record({ host: fc.constantFrom(...names), public: fc.boolean() });
  return fc.array(service, { maxLength: 6 }).map((services) => ({
    schema: 1,
    fleet: { domain: "example.test" },
    environments: { production: {}, staging: { dns_prefix: "staging" }, homelab: {}, sandbox: {} },
    hosts: table,
    services: Object.fromEntries(services.map((entry, i) => [`service-${i}`, { ...entry, port: 1000 + i }])),
  }));
});

test("a valid fleet loads, and each of its hosts belongs to exactly one stack", () => {
  fc.assert(
    fc.property(fleet, (tables) => {
      const inventory = parseInventory(stringify(tables), "fleet.toml");
      const plans = (["production", "staging", "homelab", "sandbox"] as const).map((name) =>
        planFor(inventory, name),
      );
      const planned = plans.flatMap((plan) => plan.hosts.map((each) => each.name)).sort();
      const deployed = Object.keys(tables.hosts).filter(
        (name) => tables.hosts[name]?.provider.kind !== "image",
      );
      expect(planned).toEqual(deployed.sort());
      const fqdns = plans.flatMap((plan) => plan.hosts.map((each) => each.fqdn));
      expect(new Set(fqdns).size).toBe(fqdns.length);
    }),
  );
});

test("two services on one port of a host are always refused, naming the later one", () => {
  fc.assert(
    fc.property(fleet, fc.integer({ min: 1, max: 65535 }), (tables, port) => {
      const [name = ""] = Object.keys(tables.hosts);
      const services = { first: { host: name, port }, second: { host: name, port } };
      const text = stringify({ ...tables, services });
      expect(() => parseInventory(text, "f.toml")).toThrow(
        `f.toml: services.second.port: port ${port} on host "${name}" is taken by services.first`,
      );
    }),
  );
});

test("any unknown key of a host is refused by name", () => {
  fc.assert(
    fc.property(fleet, label, (tables, key) => {
      const [name = ""] = Object.keys(tables.hosts);
      const unknown = `x_${key}`;
      const table = { ...tables.hosts[name], [unknown]: 1 };
      const text = stringify({ ...tables, hosts: { ...tables.hosts, [name]: table } });
      expect(() => parseInventory(text, "f.toml")).toThrow(`f.toml: hosts.${name}.${unknown}: unknown key`);
    }),
  );
});

test("any text is either an inventory or an InventoryError", () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer({ min: -1e9, max: 1e9 }),
    fc.boolean(),
    fc.constant({}),
    fc.constant([]),
  );
  const tables = fc.dictionary(
    fc.constantFrom("schema", "fleet", "hosts", "services", "dns", "buckets", "x"),
    value,
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        tables.map((table) => stringify(table)),
      ),
      (text) => {
        try {
          parseInventory(text, "f.toml");
        } catch (error) {
          expect(error).toBeInstanceOf(InventoryError);
        }
      },
    ),
  );
});
