import type * as pulumi from "@pulumi/pulumi";
import { recordsFor, type ZoneContents } from "../../../components/dns/records.ts";
import { Zone, type ZoneArgs } from "../../../components/dns/zone.ts";
import { nameInZone } from "../../../inventory/dns.ts";
import { hostKey, record, resolved } from "../mocks.ts";

const contents: ZoneContents<string> = {
  zone: "example.test",
  ttl: 300,
  hosts: [
    {
      name: "web",
      fqdn: "web.example.test",
      ipv4: "203.0.113.10",
      ipv6: "2001:db8::10",
      hostKey,
      aliases: ["www.example.test"],
    },
    { name: "laptop", fqdn: "laptop.example.test", hostKey },
  ],
  services: [
    { name: "grafana", fqdn: "grafana.example.test", host: "web", proxied: true },
    { name: "cache", fqdn: "cache.example.test", host: "web", proxied: false },
  ],
  caa: { issuers: ["letsencrypt.org"], report: "security@example.test" },
  extra: [{ name: "@", type: "MX", content: "mail.example.test", priority: 10 }],
};
const brief = (
  records: readonly { name: string; type: string; content?: unknown; ttl: number; proxied: boolean }[],
) => records.map(({ name, type, content, ttl, proxied }) => [name, type, content ?? "-", ttl, proxied]);

describe("records", () => {
  test("of hosts, services, the cache and the apex", () => {
    expect(brief(recordsFor(contents))).toEqual([
      ["web.example.test", "A", "203.0.113.10", 300, false],
      ["web.example.test", "AAAA", "2001:db8::10", 300, false],
      ["www.example.test", "CNAME", "web.example.test", 300, false],
      ["web.example.test", "SSHFP", "-", 300, false],
      ["grafana.example.test", "CNAME", "web.example.test", 1, true],
      ["cache.example.test", "CNAME", "web.example.test", 300, false],
      ["example.test", "CAA", '0 issue "letsencrypt.org"', 300, false],
      ["example.test", "CAA", '0 iodef "mailto:security@example.test"', 300, false],
      ["example.test", "MX", "mail.example.test", 300, false],
    ]);
  });

  test("have keys that are unique, and the same for A and CNAME of a name", () => {
    const keys = recordsFor(contents).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    const service = { name: "web", fqdn: "app.example.test", host: "web", proxied: true };
    const asAlias = recordsFor({ ...contents, services: [service] }).find(
      ({ name }) => name === "app.example.test",
    );
    const hosts = [...contents.hosts, { name: "app", fqdn: "app.example.test", ipv4: "203.0.113.11" }];
    const asHost = recordsFor({ ...contents, services: [], hosts }).find(
      ({ name }) => name === "app.example.test",
    );
    expect([asAlias?.type, asHost?.type]).toEqual(["CNAME", "A"]);
    expect(asAlias?.key).toBe(asHost?.key);
  });

  test("have the form of the API's answers: full names, lower case, no dot; proxied means automatic ttl", () => {
    expect(
      ["@", "example.test", "Example.Test.", "WWW", "www.example.test."].map((n) =>
        nameInZone("example.test", n),
      ),
    ).toEqual(["example.test", "example.test", "example.test", "www.example.test", "www.example.test"]);
    for (const { proxied, ttl } of recordsFor(contents)) expect(ttl === 1).toBe(proxied);
  });

  test("of a service at the apex are addresses, since the apex cannot be an alias", () => {
    const services = [{ name: "site", fqdn: "example.test", host: "web", proxied: true }];
    expect(brief(recordsFor({ ...contents, services, caa: undefined, extra: [] }).slice(-2))).toEqual([
      ["example.test", "A", "203.0.113.10", 1, true],
      ["example.test", "AAAA", "2001:db8::10", 1, true],
    ]);
  });

  test("with one name and type have keys by content, never by their position in the list", () => {
    const txt = (content: string) => ({ name: "@", type: "TXT", content });
    const keysOf = (...texts: string[]) => {
      const records = recordsFor({ ...contents, caa: undefined, extra: texts.map(txt) });
      return Object.fromEntries(
        records.filter(({ type }) => type === "TXT").map(({ content, key }) => [content, key]),
      );
    };
    const three = keysOf("a", "b", "c");
    expect(new Set(Object.values(three)).size).toBe(3);
    expect(keysOf("c", "a", "b")).toEqual(three);
    expect(keysOf("b", "c")).toEqual({ '"b"': three['"b"'], '"c"': three['"c"'] });
    // Whatever its notation.
    expect(keysOf('"b"', "c")).toEqual(keysOf("b", "c"));
    // A single record keeps its key when its text changes.
    expect(keysOf("a")).toEqual({ '"a"': "example.test-txt" });
    expect(keysOf("b")).toEqual({ '"b"': "example.test-txt" });
  });

  test("a host's address has its key by name, further addresses of that name by content", () => {
    const extra = ["198.51.100.1", "198.51.100.2"].map((content) => ({ name: "web", type: "A", content }));
    const keys = recordsFor({ ...contents, extra })
      .filter(({ name, type }) => name === "web.example.test" && type === "A")
      .map(({ key }) => key);
    expect(keys[0]).toBe("web.example.test");
    expect(keys.slice(1)).toEqual([
      expect.stringMatching(/^web\.example\.test-a-[0-9a-f]{10}$/),
      expect.stringMatching(/^web\.example\.test-a-[0-9a-f]{10}$/),
    ]);
    expect(new Set(keys).size).toBe(3);
  });

  test("no report address without an issuer", () => {
    const caa = { issuers: [], report: "security@example.test" };
    expect(recordsFor({ ...contents, caa }).filter(({ type }) => type === "CAA")).toEqual([]);
  });

  test("an alias beside another record is refused, naming both", () => {
    const services = [{ name: "web", fqdn: "web.example.test", host: "web", proxied: true }];
    expect(() => recordsFor({ ...contents, services })).toThrow(
      'DNS name web.example.test is claimed by "service web on web" (CNAME) and by "host web" (A)',
    );
  });

  test("a public service on a host without an address is refused", () => {
    const services = [{ name: "notes", fqdn: "notes.example.test", host: "laptop", proxied: true }];
    expect(() => recordsFor({ ...contents, services })).toThrow(
      'services.notes: notes.example.test can\'t point to host "laptop"',
    );
  });
});

describe("zone", () => {
  const args: ZoneArgs = { zone: "example.test", records: recordsFor<pulumi.Input<string>>(contents) };
  const found = { "cloudflare:index/getZone:getZone": () => ({ id: "zone-1", zoneId: "" }) };

  test("finds itself by name and puts every record below the component", async () => {
    const { recording, result } = await record(() => new Zone("dns", args), { functions: found });
    expect(recording.calls).toEqual([
      { token: "cloudflare:index/getZone:getZone", inputs: { filter: { name: "example.test" } } },
    ]);
    expect(await resolved(result.zoneId)).toBe("zone-1");
    const records = recording.ofType("cloudflare:index/dnsRecord:DnsRecord");
    expect(records).toHaveLength(9);
    for (const each of records) {
      expect(each.inputs["zoneId"]).toBe("zone-1");
      expect(each.parent).toBe(recording.named("dns").urn);
      expect(each.name.startsWith("dns-")).toBe(true);
      expect(each.deleteBeforeReplace).toBe(true);
    }
  });

  test("writes content or data, never both", async () => {
    const { recording } = await record(() => new Zone("dns", { ...args, zoneId: "zone-2" }));
    expect(recording.calls).toEqual([]);
    expect(recording.named("dns-web.example.test").inputs).toEqual({
      zoneId: "zone-2",
      name: "web.example.test",
      type: "A",
      ttl: 300,
      proxied: false,
      content: "203.0.113.10",
      comment: "host web",
    });
    expect(recording.named("dns-web.example.test-sshfp").inputs["data"]).toEqual({
      algorithm: 4,
      type: 2,
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(recording.named("dns-example.test-caa-issue-letsencrypt.org").inputs["data"]).toEqual({
      flags: 0,
      tag: "issue",
      value: "letsencrypt.org",
    });
    for (const { inputs } of recording.ofType("cloudflare:index/dnsRecord:DnsRecord")) {
      expect("content" in inputs).toBe(!("data" in inputs));
    }
    expect(recording.named("dns-example.test-mx").inputs["priority"]).toBe(10);
  });

  test("reports its records in zone file form", async () => {
    const { result } = await record(() => new Zone("dns", { ...args, zoneId: "zone-2" }));
    const written = await Promise.all(
      result.records.map(async ({ type, content }) => `${type} ${await resolved(content)}`),
    );
    expect(written).toContain('CAA 0 issue "letsencrypt.org"');
    expect(written).toContain('CAA 0 iodef "mailto:security@example.test"');
    expect(written).toContainEqual(expect.stringMatching(/^SSHFP 4 2 [0-9a-f]{64}$/));
  });

  test("previews with addresses and keys that are not known yet", async () => {
    const { recording } = await record(() => new Zone("dns", { ...args, zoneId: "z" }), { preview: true });
    expect(recording.ofType("cloudflare:index/dnsRecord:DnsRecord")).toHaveLength(9);
  });
});
