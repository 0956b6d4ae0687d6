import { readFileSync } from "node:fs";
import { canonicalContent } from "../../../inventory/dns.ts";
import { InventoryError, parseInventory } from "../../../inventory/load.ts";
import { txtContent, txtWireBytes } from "../../../inventory/txt.ts";

const sandboxFleet = readFileSync("sandbox/nix/fleet.toml", "utf8");

/** Problems of the sandbox's fleet with these records instead of its own. */
function problemsWith(records: string, edit: (text: string) => string = (text) => text): string[] {
  const text = edit(sandboxFleet).replace(/\[\[dns\.records\]\][\s\S]*?(?=\n\[storage\])/, records);
  try {
    parseInventory(text, "fleet.toml");
    return [];
  } catch (error) {
    if (error instanceof InventoryError) return error.message.split("\n");
    throw error;
  }
}

const record = (fields: string) => `[[dns.records]]\n${fields.split("; ").join("\n")}\n`;
const DKIM = `v=DKIM1; k=rsa; p=${"A".repeat(400)}`;

describe("what the vendor would refuse is refused with file and key", () => {
  test.each([
    ["A with a name", 'name = "x"; type = "A"; content = "web.example.test"', "content", "IPv4 address"],
    ["A with IPv6", 'name = "x"; type = "A"; content = "2001:db8::1"', "content", "IPv4 address"],
    ["AAAA with IPv4", 'name = "x"; type = "AAAA"; content = "192.0.2.1"', "content", "IPv6 address"],
    ["MX without priority", 'name = "@"; type = "MX"; content = "mail.example.test"', "priority", "needs a"],
    ["MX to an address", 'name = "@"; type = "MX"; content = "192.0.2.1"; priority = 1', "content", "a name"],
    ["priority of a TXT", 'name = "@"; type = "TXT"; content = "x"; priority = 1', "priority", "only an MX"],
    [
      "CNAME to an address",
      'name = "x"; type = "CNAME"; content = "192.0.2.1"',
      "content",
      "points to a name",
    ],
    ["PTR to an address", 'name = "x"; type = "PTR"; content = "192.0.2.1"', "content", "points to a name"],
    ["SRV without a weight", 'name = "_x._tcp"; type = "SRV"; content = "1 443 a.b"', "content", "WEIGHT"],
    [
      "SRV with the key of an MX",
      'name = "_x._tcp"; type = "SRV"; content = "1 1 443 a.b"; priority = 1',
      "priority",
      "write the priority into the content",
    ],
    [
      "proxied HTTPS",
      'name = "x"; type = "HTTPS"; content = "1 ."; proxied = true',
      "proxied",
      "an HTTPS record",
    ],
    [
      "CAA twice",
      'name = "@"; type = "CAA"; content = "0 issue letsencrypt.org"',
      "",
      "the same record as dns.caa[0]",
    ],
    ["CNAME to `a..b`", 'name = "x"; type = "CNAME"; content = "a..b"', "content", "whole name"],
    ["CNAME to one word", 'name = "x"; type = "CNAME"; content = "web"', "content", "whole name"],
    [
      "proxied TXT",
      'name = "x"; type = "TXT"; content = "x"; proxied = true',
      "proxied",
      "TXT record can't be",
    ],
    [
      "proxied MX",
      'name = "x"; type = "MX"; content = "m.example.test"; priority = 1; proxied = true',
      "proxied",
      "MX record can't be",
    ],
    [
      "proxied local address",
      'name = "x"; type = "A"; content = "10.1.2.3"; proxied = true',
      "proxied",
      "local address",
    ],
    [
      "NS of the zone itself",
      'name = "@"; type = "NS"; content = "ns.example.test"',
      "type",
      "the vendor sets",
    ],
    ["two dots", 'name = "a..b"; type = "TXT"; content = "x"', "name", "1 to 63 characters"],
    ["a dot at the end", 'name = "a."; type = "TXT"; content = "x"', "name", "1 to 63 characters"],
    ["a long label", `name = "${"a".repeat(64)}"; type = "TXT"; content = "x"`, "name", "1 to 63 characters"],
    ["a dash at a label's end", 'name = "a-.b"; type = "TXT"; content = "x"', "name", "1 to 63 characters"],
    ["TTL too short", 'name = "x"; type = "TXT"; content = "x"; ttl = 59', "ttl", ""],
    ["TTL too long", 'name = "x"; type = "TXT"; content = "x"; ttl = 86401', "ttl", ""],
    ["an open quote", `name = "x"; type = "TXT"; content = '"v=spf1'`, "content", "a quote is not closed"],
    ["too long a text", `name = "x"; type = "TXT"; content = "${"x".repeat(4096)}"`, "content", "4096 bytes"],
  ])("%s", (_, fields, key, message) => {
    const problems = problemsWith(record(fields));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`fleet.toml: dns.records[0]${key && "."}${key}: `);
    expect(problems[0]).toContain(message);
  });

  test("a name that is too long as a whole", () => {
    const name = Array.from({ length: 4 }, () => "a".repeat(61)).join(".");
    expect(problemsWith(record(`name = "${name}"; type = "TXT"; content = "x"`))).toEqual([
      expect.stringMatching(/^fleet\.toml: dns\.records\[0\]: the name .* has 260 characters/),
    ]);
  });

  test.each([
    ["a host's name", "web", "addresses of hosts.web"],
    ["an alias", "www", "CNAME of hosts.web.aliases[0]"],
    ["a service's name", "hello", "CNAME of services.hello.subdomain"],
    ["the cache's name", "cache", "CNAME of cache.name"],
  ])("CNAME at %s", (_, name, whose) => {
    const withAlias = (text: string) => text.replace("[hosts.web]\n", '[hosts.web]\naliases = ["www"]\n');
    const fields = `name = "${name}"; type = "CNAME"; content = "elsewhere.test"`;
    expect(problemsWith(record(fields), withAlias)).toEqual([
      `fleet.toml: dns.records[0].type: a CNAME record can't be beside ${whose} at the name ${name}.example.test: give one of them another name`,
    ]);
  });

  test("A at an alias; TXT beside CNAME; anything beside a delegation: of two records the later one is reported", () => {
    const txt = record('name = "x"; type = "TXT"; content = "x"');
    const cname = record('name = "x"; type = "CNAME"; content = "a.example.test"');
    const ns = record('name = "x"; type = "NS"; content = "ns.elsewhere.test"');
    expect(problemsWith(txt + cname)).toEqual([
      expect.stringContaining("dns.records[1].type: a CNAME record"),
    ]);
    expect(problemsWith(cname + txt)).toEqual([expect.stringContaining("dns.records[1].type: a TXT record")]);
    expect(problemsWith(ns + txt)).toEqual([expect.stringContaining("dns.records[1].type: a TXT record")]);
    expect(problemsWith(record('name = "hello"; type = "A"; content = "192.0.2.1"'))).toEqual([
      expect.stringContaining("CNAME of services.hello.subdomain"),
    ]);
  });

  test("at the apex, where the vendor flattens an alias, it excludes addresses but not text and mail", () => {
    const cname = record('name = "@"; type = "CNAME"; content = "web.example.test"');
    const txt = record('name = "@"; type = "TXT"; content = "v=spf1 -all"');
    const a = record('name = "@"; type = "A"; content = "192.0.2.1"');
    expect(problemsWith(cname + txt)).toEqual([]);
    expect(problemsWith(cname + a)).toEqual([expect.stringContaining("dns.records[1].type: an A record")]);
  });

  test("the same record twice, however it is written; the same authority twice", () => {
    const twice = [
      ['type = "TXT"; content = "x"', `type = "TXT"; content = '"x"'`],
      ['type = "AAAA"; content = "2001:db8::1"', 'type = "AAAA"; content = "2001:0DB8:0::1"'],
      ['type = "MX"; priority = 1; content = "m.test"', 'type = "MX"; priority = 2; content = "M.test."'],
    ];
    for (const [first, second] of twice) {
      expect(problemsWith(record(`name = "x"; ${first}`) + record(`name = "x"; ${second}`))).toEqual([
        "fleet.toml: dns.records[1]: the same record as dns.records[0]: remove one",
      ]);
    }
    const issuers = (text: string) =>
      text.replace('caa = ["letsencrypt.org"]', 'caa = ["letsencrypt.org", "letsencrypt.org"]');
    expect(problemsWith("", issuers)).toEqual([
      expect.stringContaining("dns.caa[1]: the same record as dns.caa[0]"),
    ]);
  });

  test("records that the vendor accepts are valid", () => {
    const fine = [
      'name = "@"; type = "MX"; content = "."; priority = 0',
      'name = "*.apps"; type = "A"; content = "192.0.2.1"; proxied = true',
      'name = "home"; type = "A"; content = "192.168.1.2"',
      'name = "_dmarc"; type = "TXT"; content = "v=DMARC1; p=none"'.replace("; p", ";p"),
      'name = "s1._domainkey"; type = "CNAME"; content = "s1._domainkey.mail.test."',
      'name = "zone2"; type = "NS"; content = "a.elsewhere.test"',
      'name = "zone2"; type = "NS"; content = "b.elsewhere.test"',
      `name = "zone2"; type = "DS"; content = "2371 13 2 ${"1f".repeat(32)}"`,
      'name = "two"; type = "A"; content = "192.0.2.1"',
      'name = "two"; type = "A"; content = "192.0.2.2"',
    ];
    expect(problemsWith(fine.map(record).join(""))).toEqual([]);
  });
});

describe("text has the form that the API returns", () => {
  test.each([
    ["v=spf1 -all", '"v=spf1 -all"'],
    ['"v=spf1 -all"', '"v=spf1 -all"'],
    [DKIM, `"${DKIM.slice(0, 255)}" "${DKIM.slice(255)}"`],
    [`"${DKIM}"`, `"${DKIM.slice(0, 255)}" "${DKIM.slice(255)}"`],
    ['"a"   "b"', '"a" "b"'],
    ['"a" ""', '"a" ""'],
    ['say "hi" \\', '"say \\"hi\\" \\\\"'],
    ['"say \\"hi\\" \\065"', '"say \\"hi\\" A"'],
    ["é", '"\\195\\169"'],
  ])("%p", (given, written) => {
    expect(txtContent(given)).toBe(written);
    // Once in that form it stays as it is.
    expect(txtContent(written)).toBe(written);
  });

  test("an open quote is invalid; the size counts each string's length byte", () => {
    expect(txtContent('"a" "b')).toBeUndefined();
    expect(txtContent('"a" b')).toBeUndefined();
    expect(txtWireBytes("x".repeat(255))).toBe(256);
    expect(txtWireBytes("x".repeat(256))).toBe(258);
  });

  test("names and addresses have that form too", () => {
    expect(canonicalContent("CNAME", "Web.Example.Test.")).toBe("web.example.test");
    expect(canonicalContent("MX", ".")).toBe(".");
    expect(canonicalContent("AAAA", "2001:0DB8:0:0::1")).toBe("2001:db8::1");
    expect(canonicalContent("A", "192.0.2.1")).toBe("192.0.2.1");
  });
});
