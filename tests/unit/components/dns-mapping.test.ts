import { dnsRecordsFor, isPublishable, zoneContentsFor } from "../../../components/dns/mapping.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { hostKey } from "../mocks.ts";

const brief = (
  records: readonly { name: string; type: string; content?: unknown; ttl: number; proxied: boolean }[],
) => records.map(({ name, type, content, ttl, proxied }) => [name, type, content ?? "-", ttl, proxied]);

describe("from the inventory", () => {
  const fleet = (prefix: string) => `
schema = 1
[fleet]
domain = "example.test"
[environments.production]
owns_singletons = true
[environments.staging]
${prefix}
[cache]
host = "web"
[hosts.web]
environment = "production"
profiles = ["server"]
provider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }
[hosts.next]
environment = "staging"
profiles = ["server"]
aliases = ["other"]
provider = { kind = "existing", vendor = "ovh", address = "198.51.100.21" }
[services.grafana]
host = "web"
port = 3000
public = true
[services.big]
host = "web"
port = 3001
public = true
proxied = false
[services.loki]
host = "web"
port = 3100
[services.trial]
host = "next"
port = 3000
public = true
[dns]
zone = "example.test"
caa = ["letsencrypt.org"]
records = [{ name = "@", type = "TXT", content = "v=spf1 -all" }]
`;
  const inventory = parseInventory(fleet('dns_prefix = "staging"'), "fleet.toml");
  const addresses = {
    web: { ipv4: "203.0.113.10", hostKey },
    next: { ipv4: "198.51.100.21", ipv6: "fe80::1", hostKey },
  };

  test("in an environment with a gateway, the services' names point to the gateway", () => {
    const home = `${fleet('gateway = "next"')}
[hosts.home]
environment = "staging"
profiles = ["server"]
provider = { kind = "existing", vendor = "home", address = "192.168.1.5" }
[services.files]
host = "home"
port = 8000
public = true
`;
    const records = dnsRecordsFor(planFor(parseInventory(home, "fleet.toml"), "staging"), {
      ...addresses,
      home: { ipv4: "192.168.1.5" },
    });
    expect(
      records.filter(({ type }) => type === "CNAME").map(({ name, content }) => [name, content]),
    ).toEqual([
      ["other.example.test", "next.example.test"],
      ["files.example.test", "next.example.test"],
      ["trial.example.test", "next.example.test"],
    ]);
  });

  test("the zone's owner has the apex records; only public services have names; the cache is never proxied", () => {
    expect(brief(dnsRecordsFor(planFor(inventory, "production"), addresses))).toEqual([
      ["web.example.test", "A", "203.0.113.10", 300, false],
      ["web.example.test", "SSHFP", "-", 300, false],
      ["big.example.test", "CNAME", "web.example.test", 300, false],
      ["grafana.example.test", "CNAME", "web.example.test", 1, true],
      ["cache.example.test", "CNAME", "web.example.test", 300, false],
      ["example.test", "CAA", '0 issue "letsencrypt.org"', 300, false],
      ["example.test", "TXT", '"v=spf1 -all"', 300, false],
    ]);
  });

  test("challenges of certificates lead to a zone of their own", () => {
    const alias = (name: string) =>
      `{ name = "${name}", type = "CNAME", content = "${name.replace("_acme-challenge.", "")}.challenges.example.net" }`;
    const text = fleet('dns_prefix = "staging"').replace(
      /^records = .*$/m,
      `records = [${alias("_acme-challenge.staging")}, { name = "_acme-challenge", type = "CNAME", content = "example.test.challenges.example.net" }]`,
    );
    const records = dnsRecordsFor(planFor(parseInventory(text, "fleet.toml"), "production"), addresses);
    expect(brief(records.filter(({ name }) => name.startsWith("_acme-challenge")))).toEqual([
      ["_acme-challenge.staging.example.test", "CNAME", "staging.challenges.example.net", 300, false],
      ["_acme-challenge.example.test", "CNAME", "example.test.challenges.example.net", 300, false],
    ]);
  });

  test("staging has its prefix, and no apex records", () => {
    const records = dnsRecordsFor(planFor(inventory, "staging"), addresses);
    expect(brief(records).map(([name, type]) => [name, type])).toEqual([
      ["next.staging.example.test", "A"],
      ["other.staging.example.test", "CNAME"],
      ["next.staging.example.test", "SSHFP"],
      ["trial.staging.example.test", "CNAME"],
    ]);
  });

  test("local addresses are not in the public zone", () => {
    const local = [
      "10.1.2.3",
      "172.20.0.1",
      "192.168.1.1",
      "100.64.0.9",
      "169.254.1.1",
      "127.0.0.1",
      "fd00::1",
      "fe80::1",
      "::1",
    ];
    expect(local.filter(isPublishable)).toEqual([]);
    expect(["203.0.113.1", "172.32.0.1", "100.128.0.1", "2001:db8::1"].filter(isPublishable)).toHaveLength(4);
    expect([undefined, "no address"].filter(isPublishable)).toEqual([]);
  });

  test("a missing [dns] table is an error", () => {
    expect(() =>
      zoneContentsFor({ ...planFor(inventory, "staging"), inventory: { ...inventory, dns: undefined } }, {}),
    ).toThrow("no table [dns]");
  });
});
