import { ownZone } from "../../../components/dns/found.ts";
import {
  type FoundRecord,
  type KnownRecord,
  newRecords,
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

describe("a record is its content", () => {
  test("positions of before become contents: nothing is made again, whatever was taken out or moved", () => {
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

  test("from one to two and back, the one that stays is the same resource", () => {
    const one = own("x.test-txt", "TXT", '"a"');
    const two = [wanted("x.test-txt-ha", "TXT", '"a"'), wanted("x.test-txt-hb", "TXT", '"b"')];
    expect(run(two, [one]).aliases).toEqual({ "x.test-txt-ha": one.urn });
    const state = [own("x.test-txt-ha", "TXT", '"a"'), own("x.test-txt-hb", "TXT", '"b"')];
    expect(run([wanted("x.test-txt", "TXT", '"b"')], state).aliases).toEqual({
      "x.test-txt": urnOf("zone-x.test-txt-hb"),
    });
  });

  test("of several, the only one that changed is changed in place; of two that changed each is its own", () => {
    const state = [own("x.test-txt-ha", "TXT", '"a"'), own("x.test-txt-hb", "TXT", '"b"')];
    const changed = [wanted("x.test-txt-ha", "TXT", '"a"'), wanted("x.test-txt-hc", "TXT", '"c"')];
    expect(run(changed, state).aliases).toEqual({ "x.test-txt-hc": urnOf("zone-x.test-txt-hb") });
    const both = [wanted("x.test-txt-hc", "TXT", '"c"'), wanted("x.test-txt-hd", "TXT", '"d"')];
    expect(run(both, state).aliases).toEqual({});
    expect(run(both, state).of("x.test-txt-hc")).toMatchObject({ isNew: true, replaces: false });
  });

  test("what is there as it should be arrives from nowhere: the vendor need not be asked", () => {
    const state = [own("web.test", "A", "192.0.2.1")];
    expect(newRecords([wanted("web.test", "A", undefined)], { records: state, former: [] })).toEqual([]);
    expect(newRecords([wanted("web.test", "CNAME", "db.test")], { records: state, former: [] })).toHaveLength(
      1,
    );
  });
});

describe("a name in new hands", () => {
  const host = [
    own("db.test", "A", "192.0.2.1"),
    own("db.test-aaaa", "AAAA", "2001:db8::1"),
    own("db.test-sshfp", "SSHFP", "4 2 ab"),
  ];

  test("an alias at a former host's name: it takes the place of the address, and the others go first", () => {
    const { of, former, conflicts } = run([wanted("db.test", "CNAME", "data.test")], host);
    expect(of("db.test")).toEqual({ key: "db.test", replaces: true, isNew: false });
    expect(former.map(({ name, urn }) => [name, urn])).toEqual([
      ["db.test", urnOf("zone-db.test-aaaa")],
      ["db.test", urnOf("zone-db.test-sshfp")],
    ]);
    expect(conflicts).toEqual([]);
  });

  test("at the name of a host with IPv6 only", () => {
    const { aliases, of, former } = run([wanted("db.test", "CNAME", "data.test")], host.slice(1, 2));
    expect(aliases).toEqual({ "db.test": urnOf("zone-db.test-aaaa") });
    expect(of("db.test")).toMatchObject({ replaces: true });
    expect(former).toEqual([]);
  });

  test("several addresses that were written out", () => {
    const two = [own("db.test-a-h1", "A", "192.0.2.1"), own("db.test-a-h2", "A", "192.0.2.2")];
    const { aliases, former } = run([wanted("db.test", "CNAME", "data.test")], two);
    expect(aliases).toEqual({ "db.test": urnOf("zone-db.test-a-h1") });
    expect(former.map(({ urn }) => urn)).toEqual([urnOf("zone-db.test-a-h2")]);
  });

  test("a host at a former alias's name: its other records wait for the one that takes the alias's place", () => {
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

  test("what went is remembered while the name is an alias, and no longer", () => {
    const former = [{ resource: "zone-db.test-aaaa-1-former", name: "db.test" }];
    const keptFor = (records: KnownRecord[]) => reconcile(ZONE, records, { records: [], former }, []).former;
    expect(keptFor([wanted("db.test", "CNAME", "data.test")])).toEqual(former);
    expect(keptFor([wanted("db.test", "A", "192.0.2.1")])).toEqual([]);
    expect(keptFor([])).toEqual([]);
  });

  test("other names are left alone", () => {
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
    expect(excludes(ZONE, "x.test", "NS", "A")).toBe(true);
    expect(excludes(ZONE, ZONE, "CNAME", "TXT")).toBe(false);
    expect(excludes(ZONE, ZONE, "A", "CNAME")).toBe(true);
    expect(excludes(ZONE, ZONE, "MX", "NS")).toBe(false);
  });
});

describe("records that are there already", () => {
  test("an identical one is taken over", () => {
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
    ["another address", wanted("w.test", "A", "192.0.2.1"), found("w.test", "A", "192.0.2.2")],
    ["an address that is not known yet", wanted("w.test", "A", undefined), found("w.test", "A", "192.0.2.2")],
    ["an alias at a host's name", wanted("w.test", "A", "192.0.2.1"), found("w.test", "CNAME", "o.test")],
    [
      "an address at an alias's name",
      wanted("w.test", "CNAME", "o.test"),
      found("w.test", "AAAA", "2001:db8::1"),
    ],
    ["a delegation", wanted("w.test", "A", "192.0.2.1"), found("w.test", "NS", "ns.test")],
    ["another ttl", wanted("w.test", "A", "192.0.2.1"), found("w.test", "A", "192.0.2.1", { ttl: 60 })],
    ["proxied", wanted("w.test-txt", "TXT", '"a"'), found("w.test", "TXT", '"a"', { ttl: 1 })],
  ])("%s is in the way", (_, record, other) => {
    expect(run([record], [], [other]).conflicts).toEqual([{ wanted: record, found: other }]);
  });

  test.each([
    ["text of somebody else", wanted("w.test-txt", "TXT", '"a"'), found("w.test", "TXT", '"b"')],
    ["another host's key", wanted("w.test-sshfp", "SSHFP", "4 2 ab"), found("w.test", "SSHFP", "4 2 cd")],
    ["another name", wanted("w.test", "A", "192.0.2.1"), found("v.test", "A", "192.0.2.1")],
    [
      "mail beside an alias, which the vendor takes",
      wanted("w.test", "CNAME", "o.test"),
      found("w.test", "MX", "m.test"),
    ],
  ])("%s is not", (_, record, other) => {
    const { conflicts, of } = run([record], [], [other]);
    expect(conflicts).toEqual([]);
    expect(of(record.key)).toMatchObject({ isNew: true });
  });

  test("what the state has is never in the way, also where it differs at the vendor", () => {
    const state = [own("w.test", "A", "192.0.2.1")];
    const vendor = [{ ...found("w.test", "A", "192.0.2.7"), id: "id-w.test-A-192.0.2.1" }];
    expect(run([wanted("w.test", "CNAME", "o.test")], state, vendor).conflicts).toEqual([]);
  });

  test("one that was imported by hand becomes the wanted one, whatever it was called and wherever it stood", () => {
    const urn = "urn:pulumi:s::p::cloudflare:index/dnsRecord:DnsRecord::anything";
    const imported: OwnRecord = { ...found("w.test", "A", "192.0.2.2"), urn, key: undefined };
    expect(run([wanted("w.test", "A", "192.0.2.1")], [imported]).aliases).toEqual({ "w.test": urn });
    expect(run([wanted("w.test", "CNAME", "o.test")], [imported]).aliases).toEqual({ "w.test": urn });
  });

  test("an alias that was made although nobody heard of it: it is taken over, and what it replaced is let go", () => {
    const state = [own("db.test", "A", "192.0.2.1")];
    const vendor = [found("db.test", "CNAME", "data.test")];
    const { of, former, conflicts } = run([wanted("db.test", "CNAME", "data.test")], state, vendor);
    expect(of("db.test")).toMatchObject({ key: "db.test-cname", importId: "id-db.test-CNAME-data.test" });
    expect(former.map(({ urn }) => urn)).toEqual([urnOf("zone-db.test")]);
    expect(conflicts).toEqual([]);
    // The run after knows it by its content.
    const next = run(
      [wanted("db.test", "CNAME", "data.test")],
      [own("db.test-cname", "CNAME", "data.test")].map((each) => ({ ...each, name: "db.test" })),
    );
    expect(next.aliases).toEqual({ "db.test": urnOf("zone-db.test-cname") });
  });
});

test("the state's own records, with keys of those that the program made and contents as the vendor writes them", () => {
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
