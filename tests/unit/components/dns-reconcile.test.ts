import { ownZone } from "../../../components/dns/found.ts";
import {
  type FoundRecord,
  type KnownRecord,
  needsVendorRecords,
  type OwnRecord,
  reconcile,
} from "../../../components/dns/reconcile.ts";
import { excludes } from "../../../inventory/dns.ts";

const ZONE = "example.test";
const urnOf = (resource: string) =>
  `urn:pulumi:s::p::pantheros:dns:Zone$cloudflare:index/dnsRecord:DnsRecord::${resource}`;

const wanted = (
  key: string,
  type: string,
  content: string | undefined,
  more: Partial<KnownRecord> = {},
): KnownRecord => ({
  key,
  name: key.replace(/-.*/, ""),
  type,
  content,
  ttl: 300,
  proxied: false,
  origin: "hosts.web",
  ...more,
});
const found = (
  name: string,
  type: string,
  content: string,
  more: Partial<FoundRecord> = {},
): FoundRecord => ({
  id: `id-${name}-${type}-${content}`,
  name,
  type,
  content,
  ttl: 300,
  proxied: false,
  ...more,
});
const own = (key: string, type: string, content: string): OwnRecord => ({
  ...found(key.replace(/-.*/, ""), type, content),
  urn: urnOf(`zone-${key}`),
  key,
});
const run = (records: KnownRecord[], state: OwnRecord[], vendor: FoundRecord[] = [...state]) => {
  const result = reconcile(ZONE, records, { records: state, former: [] }, vendor);
  return {
    ...result,
    of: (key: string) => result.placements.get(key),
    aliases: Object.fromEntries(
      [...result.placements].flatMap(([key, { alias }]) => (alias ? [[key, alias]] : [])),
    ),
  };
};

describe("records are matched by content", () => {
  test("records that the state names by position are renamed by content: none is created again", () => {
    const before = [
      own("x.test-txt", "TXT", '"a"'),
      own("x.test-txt-2", "TXT", '"b"'),
      own("x.test-txt-3", "TXT", '"c"'),
    ];
    const after = [wanted("x.test-txt-hc", "TXT", '"c"'), wanted("x.test-txt-hb", "TXT", '"b"')];
    const { aliases, former, conflicts } = run(after, before);
    expect(aliases).toEqual({
      "x.test-txt-hb": urnOf("zone-x.test-txt-2"),
      "x.test-txt-hc": urnOf("zone-x.test-txt-3"),
    });
    expect([former, conflicts]).toEqual([[], []]);
  });

  test("one record becomes two, and two become one: the common one stays the same resource", () => {
    const one = own("x.test-txt", "TXT", '"a"');
    const two = [wanted("x.test-txt-ha", "TXT", '"a"'), wanted("x.test-txt-hb", "TXT", '"b"')];
    expect(run(two, [one]).aliases).toEqual({ "x.test-txt-ha": one.urn });
    const state = [own("x.test-txt-ha", "TXT", '"a"'), own("x.test-txt-hb", "TXT", '"b"')];
    expect(run([wanted("x.test-txt", "TXT", '"b"')], state).aliases).toEqual({
      "x.test-txt": urnOf("zone-x.test-txt-hb"),
    });
  });

  test("a single changed record of several is changed in place; two changed records are created anew", () => {
    const state = [own("x.test-txt-ha", "TXT", '"a"'), own("x.test-txt-hb", "TXT", '"b"')];
    const changed = [wanted("x.test-txt-ha", "TXT", '"a"'), wanted("x.test-txt-hc", "TXT", '"c"')];
    expect(run(changed, state).aliases).toEqual({ "x.test-txt-hc": urnOf("zone-x.test-txt-hb") });
    const both = [wanted("x.test-txt-hc", "TXT", '"c"'), wanted("x.test-txt-hd", "TXT", '"d"')];
    expect(run(both, state).aliases).toEqual({});
    expect(run(both, state).of("x.test-txt-hc")).toMatchObject({ isNew: true, replaces: false });
  });

  test("a record that the state has is not new, so that the vendor is not queried for it", () => {
    const state = [own("web.test", "A", "192.0.2.1")];
    const zone = { records: state, former: [] };
    expect(needsVendorRecords([wanted("web.test", "A", undefined)], zone)).toBe(false);
    expect(needsVendorRecords([wanted("web.test", "CNAME", "db.test")], zone)).toBe(true);
    expect(needsVendorRecords([], zone)).toBe(true);
  });
});

describe("a name that changes its owner", () => {
  const host = [
    own("db.test", "A", "192.0.2.1"),
    own("db.test-aaaa", "AAAA", "2001:db8::1"),
    own("db.test-sshfp", "SSHFP", "4 2 ab"),
  ];

  test("an alias with a former host's name replaces the address; the other records are deleted first", () => {
    const { of, former, conflicts } = run([wanted("db.test", "CNAME", "data.test")], host);
    expect(of("db.test")).toEqual({ key: "db.test", replaces: true, isNew: false });
    expect(former.map(({ name, urn }) => [name, urn])).toEqual([
      ["db.test", urnOf("zone-db.test-aaaa")],
      ["db.test", urnOf("zone-db.test-sshfp")],
    ]);
    expect(conflicts).toEqual([]);
  });

  test("an alias with the name of a host that had IPv6 only", () => {
    const { aliases, of, former } = run([wanted("db.test", "CNAME", "data.test")], host.slice(1, 2));
    expect(aliases).toEqual({ "db.test": urnOf("zone-db.test-aaaa") });
    expect(of("db.test")).toMatchObject({ replaces: true });
    expect(former).toEqual([]);
  });

  test("an alias with a name that had several addresses", () => {
    const two = [own("db.test-a-h1", "A", "192.0.2.1"), own("db.test-a-h2", "A", "192.0.2.2")];
    const { aliases, former } = run([wanted("db.test", "CNAME", "data.test")], two);
    expect(aliases).toEqual({ "db.test": urnOf("zone-db.test-a-h1") });
    expect(former.map(({ urn }) => urn)).toEqual([urnOf("zone-db.test-a-h2")]);
  });

  test("a host with a former alias's name: its other records wait for the one that replaces the alias", () => {
    const state = [own("db.test", "CNAME", "data.test")];
    const records = [
      wanted("db.test", "A", "192.0.2.1"),
      wanted("db.test-aaaa", "AAAA", "2001:db8::1"),
      wanted("db.test-sshfp", "SSHFP", undefined),
    ];
    const { of, former } = run(records, state);
    expect(of("db.test")).toMatchObject({ replaces: true, isNew: false });
    expect(of("db.test-aaaa")).toMatchObject({ replaces: false, isNew: true });
    expect(former).toEqual([]);
    const onlySix = run(records.slice(1, 2), state);
    expect(onlySix.aliases).toEqual({ "db.test-aaaa": urnOf("zone-db.test") });
  });

  test("former records are remembered only while the name is an alias", () => {
    const former = [{ resource: "zone-db.test-aaaa-1-former", name: "db.test" }];
    const keptFor = (records: KnownRecord[]) => reconcile(ZONE, records, { records: [], former }, []).former;
    expect(keptFor([wanted("db.test", "CNAME", "data.test")])).toEqual(former);
    expect(keptFor([wanted("db.test", "A", "192.0.2.1")])).toEqual([]);
    expect(keptFor([])).toEqual([]);
  });

  test("other names do not change", () => {
    const state = [...host, own("web.test", "A", "192.0.2.9"), own("web.test-aaaa", "AAAA", "2001:db8::9")];
    const { former } = run(
      [wanted("db.test", "CNAME", "data.test"), wanted("web.test", "A", "192.0.2.9")],
      state,
    );
    expect(former.every(({ name }) => name === "db.test")).toBe(true);
  });

  test("which records exclude each other", () => {
    expect(excludes(ZONE, "x.test", "CNAME", "TXT")).toBe(true);
    expect(excludes(ZONE, "x.test", "A", "AAAA")).toBe(false);
    expect(excludes(ZONE, "x.test", "NS", "NS")).toBe(false);
    expect(excludes(ZONE, "x.test", "NS", "DS")).toBe(false);
    expect(excludes(ZONE, "x.test", "DS", "CNAME")).toBe(true);
    expect(excludes(ZONE, "x.test", "NS", "A")).toBe(true);
    expect(excludes(ZONE, ZONE, "CNAME", "TXT")).toBe(false);
    expect(excludes(ZONE, ZONE, "A", "CNAME")).toBe(true);
    expect(excludes(ZONE, ZONE, "MX", "NS")).toBe(false);
  });
});

describe("records that the vendor has already", () => {
  test("an identical one is imported", () => {
    const vendor = [found("www.test", "CNAME", "web.test"), found("x.test", "TXT", '"a"')];
    const { of, conflicts } = run(
      [wanted("www.test", "CNAME", "web.test"), wanted("x.test-txt", "TXT", '"a"')],
      [],
      vendor,
    );
    expect(of("www.test")).toMatchObject({ importId: "id-www.test-CNAME-web.test" });
    expect(of("x.test-txt")).toMatchObject({ importId: 'id-x.test-TXT-"a"' });
    expect(conflicts).toEqual([]);
  });

  test.each([
    ["a different address", wanted("w.test", "A", "192.0.2.1"), found("w.test", "A", "192.0.2.2")],
    ["an address that is not known yet", wanted("w.test", "A", undefined), found("w.test", "A", "192.0.2.2")],
    ["an alias at a host's name", wanted("w.test", "A", "192.0.2.1"), found("w.test", "CNAME", "o.test")],
    [
      "an address at an alias's name",
      wanted("w.test", "CNAME", "o.test"),
      found("w.test", "AAAA", "2001:db8::1"),
    ],
    ["a delegation", wanted("w.test", "A", "192.0.2.1"), found("w.test", "NS", "ns.test")],
    ["a different ttl", wanted("w.test", "A", "192.0.2.1"), found("w.test", "A", "192.0.2.1", { ttl: 60 })],
    ["proxied", wanted("w.test-txt", "TXT", '"a"'), found("w.test", "TXT", '"a"', { ttl: 1 })],
  ])("%s is a conflict", (_, record, other) => {
    expect(run([record], [], [other]).conflicts).toEqual([{ wanted: record, found: other }]);
  });

  test.each([
    ["a different text", wanted("w.test-txt", "TXT", '"a"'), found("w.test", "TXT", '"b"')],
    ["a different host's key", wanted("w.test-sshfp", "SSHFP", "4 2 ab"), found("w.test", "SSHFP", "4 2 cd")],
    ["a different name", wanted("w.test", "A", "192.0.2.1"), found("v.test", "A", "192.0.2.1")],
    [
      "mail beside an alias, which the vendor accepts",
      wanted("w.test", "CNAME", "o.test"),
      found("w.test", "MX", "m.test"),
    ],
  ])("%s is no conflict", (_, record, other) => {
    const { conflicts, of } = run([record], [], [other]);
    expect(conflicts).toEqual([]);
    expect(of(record.key)).toMatchObject({ isNew: true });
  });

  test("a record of the state is never a conflict, even if it differs at the vendor", () => {
    const state = [own("w.test", "A", "192.0.2.1")];
    const vendor = [{ ...found("w.test", "A", "192.0.2.7"), id: "id-w.test-A-192.0.2.1" }];
    expect(run([wanted("w.test", "CNAME", "o.test")], state, vendor).conflicts).toEqual([]);
  });

  test("one that was imported by hand becomes the wanted one, whatever its name and parent", () => {
    const urn = "urn:pulumi:s::p::cloudflare:index/dnsRecord:DnsRecord::anything";
    const imported: OwnRecord = { ...found("w.test", "A", "192.0.2.2"), urn, key: undefined };
    expect(run([wanted("w.test", "A", "192.0.2.1")], [imported]).aliases).toEqual({ "w.test": urn });
    expect(run([wanted("w.test", "CNAME", "o.test")], [imported]).aliases).toEqual({ "w.test": urn });
  });

  test("a record that this run deletes or replaces, and that somebody deleted, is named", () => {
    const state = [
      own("a.test", "A", "192.0.2.1"),
      own("b.test", "A", "192.0.2.2"),
      own("c.test", "TXT", '"c"'),
    ];
    const records = [wanted("a.test", "A", "192.0.2.9"), wanted("b.test", "CNAME", "a.test")];
    const names = (vendor: FoundRecord[]) => run(records, state, vendor).vanished.map(({ name }) => name);
    // Only a change of `a.test` is wanted: the provider's refusal names the record itself.
    expect(names([])).toEqual(["b.test", "c.test"]);
    expect(names(state)).toEqual([]);
    const unknown = reconcile(ZONE, records, { records: state, former: [] }, undefined);
    expect(unknown.vanished).toEqual([]);
  });

  test("an alias whose creation was not recorded is imported, and the record that it replaced is dropped", () => {
    const state = [own("db.test", "A", "192.0.2.1")];
    const vendor = [found("db.test", "CNAME", "data.test")];
    const { of, former, conflicts } = run([wanted("db.test", "CNAME", "data.test")], state, vendor);
    expect(of("db.test")).toMatchObject({ key: "db.test-cname", importId: "id-db.test-CNAME-data.test" });
    expect(former.map(({ urn }) => urn)).toEqual([urnOf("zone-db.test")]);
    expect(conflicts).toEqual([]);
    // The next run finds it by its content.
    const next = run(
      [wanted("db.test", "CNAME", "data.test")],
      [own("db.test-cname", "CNAME", "data.test")].map((each) => ({ ...each, name: "db.test" })),
    );
    expect(next.aliases).toEqual({ "db.test": urnOf("zone-db.test-cname") });
  });
});

test("the state's records have keys if the program created them, and contents in the vendor's form", () => {
  const outputs = { id: "1", name: "w.test", type: "TXT", content: "v=spf1 -all", ttl: 60, proxied: false };
  const formerUrn = "urn:pulumi:s::p::pantheros:dns:Zone$pantheros:dns:FormerRecord::zone-x-former";
  const answer = {
    outputs: {
      [urnOf("zone-w.test-txt")]: { type: "cloudflare:index/dnsRecord:DnsRecord", outputs },
      "urn:pulumi:s::p::cloudflare:index/dnsRecord:DnsRecord::by-hand": {
        type: "cloudflare:index/dnsRecord:DnsRecord",
        outputs: { ...outputs, id: "2", type: "AAAA", content: "2001:0db8::1" },
      },
      [formerUrn]: { type: "pantheros:dns:FormerRecord", outputs: { name: "x.test" } },
      [urnOf("zone-broken")]: { type: "cloudflare:index/dnsRecord:DnsRecord", outputs: {} },
    },
  };
  const { records, former } = ownZone(answer);
  expect(records.map(({ id, key, content }) => [id, key, content])).toEqual([
    ["1", "w.test-txt", '"v=spf1 -all"'],
    ["2", undefined, "2001:db8::1"],
  ]);
  expect(former).toEqual([{ resource: "zone-x-former", name: "x.test" }]);
});
