import { publishedSets } from "../../../sandbox/vendors/cloudflare/publish.ts";
import {
  assertFits,
  type RecordBody,
  type RecordContent,
  recordFrom,
  recordName,
} from "../../../sandbox/vendors/cloudflare/record-rules.ts";
import { changesBetween, groupRecords, txtContent } from "../../../sandbox/vendors/dns/rrsets.ts";

const zone = "example.test";
const record = (body: RecordBody): RecordContent => recordFrom(body, zone);
const code = (work: () => unknown): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: number }).code;
  }
};

test.each([
  ["@", "example.test"],
  ["example.test.", "example.test"],
  ["Web", "web.example.test"],
  ["web.example.test", "web.example.test"],
  ["notexample.test", "notexample.test.example.test"],
  ["*", "*.example.test"],
])("the name %p is answered as %p", (given, answered) => {
  expect(recordName(given, zone)).toBe(answered);
});

test.each<[string, RecordBody, number]>([
  ["an address of the other kind", { type: "A", name: "a", content: "2001:db8::1" }, 9005],
  ["no address", { type: "AAAA", name: "a", content: "203.0.113.1" }, 9006],
  ["no host", { type: "CNAME", name: "a", content: "not a host" }, 9007],
  ["nothing", { type: "TXT", name: "a", content: "" }, 9020],
  ["a proxied TXT", { type: "TXT", name: "a", content: "x", proxied: true }, 9004],
  ["a short TTL", { type: "A", name: "a", content: "203.0.113.1", ttl: 30 }, 9021],
  ["a long TTL", { type: "A", name: "a", content: "203.0.113.1", ttl: 86_401 }, 9021],
  ["an unknown type", { type: "SPF", name: "a", content: "x" }, 9004],
  ["an MX without priority", { type: "MX", name: "a", content: "mail.example.test" }, 9100],
  ["an MX to an address", { type: "MX", name: "a", content: "192.0.2.1", priority: 1 }, 9009],
  ["an alias of an address", { type: "CNAME", name: "a", content: "192.0.2.1" }, 9007],
  ["two dots", { type: "TXT", name: "a..b", content: "x" }, 9000],
  ["a label that is too long", { type: "TXT", name: "a".repeat(64), content: "x" }, 9000],
  ["a name that is too long", { type: "TXT", name: "a.".repeat(125), content: "x" }, 9000],
  ["a target that is too long", { type: "CNAME", name: "a", content: `${"a".repeat(64)}.test` }, 9007],
  ["a proxied local address", { type: "A", name: "a", content: "10.0.0.1", proxied: true }, 9003],
  ["text that is too long", { type: "TXT", name: "a", content: "x".repeat(4097) }, 9000],
  ["a CAA as text", { type: "CAA", name: "a", content: '0 issue "x"' }, 9101],
  [
    "an odd fingerprint",
    { type: "SSHFP", name: "a", data: { algorithm: 4, type: 2, fingerprint: "xyz" } },
    9101,
  ],
])("%s is refused", (_, body, expected) => {
  expect(code(() => record(body))).toBe(expected);
});

test("values are stored in the vendor's form", () => {
  expect(record({ type: "AAAA", name: "a", content: "2001:DB8:0:0::0001" }).content).toBe("2001:db8::1");
  expect(record({ type: "A", name: "a", content: "203.0.113.1", proxied: true, ttl: 600 }).ttl).toBe(1);
  expect(
    record({ type: "CAA", name: "@", data: { flags: "0", tag: "issue", value: "ca.test" } }),
  ).toMatchObject({
    content: '0 issue "ca.test"',
    data: { flags: 0 },
  });
  expect(
    record({ type: "SRV", name: "_x._tcp", data: { priority: 1, weight: 2, port: 3, target: "T.test." } }),
  ).toMatchObject({
    content: "2 3 t.test",
    priority: 1,
  });
});

test("text of up to 255 bytes is unchanged, longer text becomes quoted strings", () => {
  const kept = (content: string) => record({ type: "TXT", name: "a", content }).content;
  const long = "x".repeat(300);
  const strings = `"${"x".repeat(255)}" "${"x".repeat(45)}"`;
  expect(["t", '"t"', '"a" "b"'].map(kept)).toEqual(["t", '"t"', '"a" "b"']);
  expect([long, `"${long}"`, strings].map(kept)).toEqual([strings, strings, strings]);
});

test("which records conflict", () => {
  const a = record({ type: "A", name: "x", content: "203.0.113.1" });
  const cname = record({ type: "CNAME", name: "x", content: "y.test" });
  const text = record({ type: "TXT", name: "x", content: "t" });
  const ns = record({ type: "NS", name: "x", content: "ns.test" });
  const key = { key_tag: 1, algorithm: 13, digest_type: 2, digest: "1f" };
  const ds = record({ type: "DS", name: "x", data: key });
  expect(code(() => assertFits(a, [a]))).toBe(81058);
  expect(code(() => assertFits({ ...a, ttl: 60 }, [a]))).toBe(81057);
  expect(code(() => assertFits({ ...a, content: "203.0.113.2" }, [a]))).toBeUndefined();
  expect(code(() => assertFits(cname, [a]))).toBe(81053);
  expect(code(() => assertFits(a, [cname]))).toBe(81054);
  expect(code(() => assertFits(a, [ns]))).toBe(81056);
  expect(code(() => assertFits(ds, [ns]))).toBeUndefined();
  expect(code(() => assertFits(text, [a, cname]))).toBeUndefined();
});

describe("published record sets", () => {
  const edge = "198.51.100.80";
  const sets = (...bodies: RecordBody[]) =>
    Object.fromEntries(
      publishedSets(zone, bodies.map(record), edge).map((set) => [`${set.name} ${set.type}`, set.contents]),
    );

  test("proxied records have the edge's address, whatever their type", () => {
    expect(
      sets(
        { type: "AAAA", name: "a", content: "2001:db8::1", proxied: true },
        { type: "CNAME", name: "b", content: "elsewhere.test", proxied: true },
        { type: "TXT", name: "b", content: "beside" },
      ),
    ).toEqual({
      "a.example.test. A": [edge],
      "b.example.test. A": [edge],
      "b.example.test. TXT": ['"beside"'],
    });
  });

  test("a CNAME at the apex is flattened, others are not", () => {
    expect(
      sets(
        { type: "A", name: "web", content: "203.0.113.1" },
        { type: "AAAA", name: "web", content: "2001:db8::1" },
        { type: "CNAME", name: "alias", content: "web.example.test" },
        { type: "CNAME", name: "@", content: "alias.example.test" },
      ),
    ).toEqual({
      "web.example.test. A": ["203.0.113.1"],
      "web.example.test. AAAA": ["2001:db8::1"],
      "alias.example.test. CNAME": ["web.example.test."],
      "example.test. A": ["203.0.113.1"],
      "example.test. AAAA": ["2001:db8::1"],
    });
  });

  test("parameters of a service have the form that the DNS server takes: quotes only where they need them", () => {
    const service = (value: string) => ({ priority: 1, target: ".", value });
    expect(
      sets(
        { type: "HTTPS", name: "a", data: service('alpn="h3,h2" port="8443"') },
        { type: "SVCB", name: "b", data: service('key667="a b"') },
      ),
    ).toEqual({
      "a.example.test. HTTPS": ["1 . alpn=h3,h2 port=8443"],
      "b.example.test. SVCB": ['1 . key667="a b"'],
    });
  });

  test("a loop of CNAMEs ends", () => {
    expect(
      sets(
        { type: "CNAME", name: "@", content: "b.example.test" },
        { type: "CNAME", name: "b", content: "example.test" },
      ),
    ).toEqual({
      "b.example.test. CNAME": ["example.test."],
    });
  });
});

test("text is split and escaped for a TXT record", () => {
  expect(txtContent("plain")).toBe('"plain"');
  expect(txtContent('"already quoted" "twice"')).toBe('"already quoted" "twice"');
  expect(txtContent('say "hi" \\')).toBe('"say \\"hi\\" \\\\"');
  expect(txtContent("é")).toBe('"\\195\\169"');
  expect(txtContent("x".repeat(300))).toBe(`"${"x".repeat(255)}" "${"x".repeat(45)}"`);
});

test("only differences are sent, deletions first", () => {
  const set = (name: string, content: string, ttl = 60) => ({ name, type: "A", ttl, content });
  const before = groupRecords([set("a.", "1"), set("b.", "2"), set("b.", "3"), set("c.", "4")]);
  const after = groupRecords([set("b.", "3"), set("b.", "2"), set("c.", "4", 120), set("d.", "5")]);
  expect(changesBetween(before, after).map(({ name, changetype }) => `${changetype} ${name}`)).toEqual([
    "DELETE a.",
    "REPLACE c.",
    "REPLACE d.",
  ]);
});
