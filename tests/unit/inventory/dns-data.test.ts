import fc from "fast-check";
import { canonicalContent } from "../../../inventory/dns.ts";
import {
  parseRecordData,
  recordContent,
  recordDataProblem,
  vendorData,
} from "../../../inventory/dns-data.ts";

const HASH = "ab".repeat(32);

test.each([
  ["SRV", "10 5 5060 sip.example.test", { priority: 10, weight: 5, port: 5060, target: "sip.example.test" }],
  ["SRV", "0 0 0 .", { priority: 0, weight: 0, port: 0, target: "." }],
  ["CAA", '0 issue "letsencrypt.org"', { flags: 0, tag: "issue", value: "letsencrypt.org" }],
  ["CAA", "128 issuewild ;", { flags: 128, tag: "issuewild", value: ";" }],
  ["HTTPS", "1 . alpn=h3,h2", { priority: 1, target: ".", value: 'alpn="h3,h2"' }],
  ["HTTPS", "0 other.example.test.", { priority: 0, target: "other.example.test", value: "" }],
  [
    "SVCB",
    '2 foo alpn="h2" no-default-alpn port=53',
    { priority: 2, target: "foo", value: 'alpn="h2" no-default-alpn port="53"' },
  ],
  ["TLSA", `3 1 1 ${HASH.toUpperCase()}`, { usage: 3, selector: 1, matchingType: 1, certificate: HASH }],
  ["TLSA", "3 1 1 abab cdcd", { usage: 3, selector: 1, matchingType: 1, certificate: "ababcdcd" }],
  ["SMIMEA", "3 0 0 aa", { usage: 3, selector: 0, matchingType: 0, certificate: "aa" }],
  ["SSHFP", `4 2 ${HASH}`, { algorithm: 4, type: 2, fingerprint: HASH }],
  ["DS", "2371 13 2 aabb", { keyTag: 2371, algorithm: 13, digestType: 2, digest: "aabb" }],
  ["URI", '10 1 "https://example.test/a b"', { priority: 10, weight: 1, target: "https://example.test/a b" }],
])("the fields of %s %s", (type, content, data) => {
  expect(parseRecordData(type, content)).toEqual(data);
});

test.each([
  ["SRV", "5060 sip.example.test", 'write "PRIORITY WEIGHT PORT TARGET"'],
  ["SRV", "10 5 5060 sip.example.test more", 'write "PRIORITY WEIGHT PORT TARGET"'],
  ["SRV", "10 5 70000 sip.example.test", 'the port "70000" is not a number from 0 to 65535'],
  ["SRV", "10 5 5060 192.0.2.1", "the target is a name, not the address 192.0.2.1"],
  ["SRV", "10 5 5060 a..b", 'the target "a..b" is not a host name'],
  ["CAA", "256 issue x", 'the flags "256" is not a number from 0 to 255'],
  ["CAA", '0 issue "x', "a quote is not closed"],
  ["CAA", "0 is-sue x", 'the tag "is-sue" is not letters and digits'],
  ["TLSA", "3 1 1 xyz", "the certificate is not hexadecimal"],
  ["DS", "1 2 3", 'write "KEY-TAG ALGORITHM DIGEST-TYPE DIGEST"'],
  ["HTTPS", "1", 'write "PRIORITY TARGET [PARAMETERS]"'],
  ["HTTPS", "1 . =x", '"=x" is not a parameter such as alpn="h3,h2"'],
  ["HTTPS", "1 . alpn=h2 alpn=h3", "the parameter alpn is there twice"],
])("%s %s is refused", (type, content, problem) => {
  expect(recordDataProblem(type, content)).toBe(problem);
});

test("the vendor has the priority of an SRV record in both places, of a URI record at the record only", () => {
  expect(vendorData("SRV", "10 5 5060 sip.example.test")).toEqual({
    data: { priority: 10, weight: 5, port: 5060, target: "sip.example.test" },
    priority: 10,
  });
  expect(vendorData("URI", "10 1 x")).toEqual({ data: { weight: 1, target: "x" }, priority: 10 });
  expect(vendorData("HTTPS", "1 .")).toEqual({ data: { priority: 1, target: ".", value: "" } });
});

const short = fc.integer({ min: 0, max: 65_535 });
const byte = fc.integer({ min: 0, max: 255 });
const name = fc.constantFrom(".", "example.test", "_sip._tcp.example.test", "a");
const text = fc.stringMatching(/^[ -~]{0,40}$/);
const hex = fc.stringMatching(/^([0-9a-f]{2}){1,20}$/);
const record = fc.oneof(
  fc.record({
    type: fc.constant("SRV"),
    data: fc.record({ priority: short, weight: short, port: short, target: name }),
  }),
  fc.record({
    type: fc.constant("CAA"),
    data: fc.record({ flags: byte, tag: fc.constant("issue"), value: text }),
  }),
  fc.record({ type: fc.constant("URI"), data: fc.record({ priority: short, weight: short, target: text }) }),
  fc.record({
    type: fc.constantFrom("TLSA", "SMIMEA"),
    data: fc.record({ usage: byte, selector: byte, matchingType: byte, certificate: hex }),
  }),
);

test("fields survive the zone file form, whose canonical form is stable", () => {
  fc.assert(
    fc.property(record, ({ type, data }) => {
      const content = recordContent(type, data);
      expect(parseRecordData(type, content)).toEqual(data);
      expect(canonicalContent(type, content)).toBe(content);
    }),
  );
});
