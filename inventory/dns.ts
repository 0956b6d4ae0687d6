/** The table `[dns]`: records of a zone at Cloudflare. What the vendor would refuse is refused here, with its key. */
import { isIP, isIPv4, isIPv6 } from "node:net";
import * as z from "zod";
import { isLocal, shortAddress } from "./addresses.ts";
import { hasData, parseRecordData, recordContent, recordDataProblem } from "./dns-data.ts";
import { camelKeys, domainName, recordName } from "./primitives.ts";
import { collisions, type Problem } from "./problems.ts";
import { txtContent, txtWireBytes } from "./txt.ts";

/** Types that Cloudflare can proxy. Source: Cloudflare docs, DNS, "Proxy status". */
const PROXIABLE = ["A", "AAAA", "CNAME"];

/** Bytes of one record's data. Source: Cloudflare docs, DNS, "DNS record types". */
const MAX_WIRE_BYTES = 4096;

/** Characters of a full name, without the final dot. Source: RFC 1035, section 3.1. */
const MAX_NAME_CHARACTERS = 253;

/** A name that a record points to; names of services and keys begin with `_`. */
const TARGET =
  /^(?=.{1,254}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;

/**
 * Record types that a zone at Cloudflare accepts, except those that only its DNSSEC, mail clients
 * or old software use.
 * Source: Cloudflare docs, DNS, "DNS record types".
 */
const TYPES = [
  "A",
  "AAAA",
  "CAA",
  "CNAME",
  "DS",
  "HTTPS",
  "MX",
  "NS",
  "PTR",
  "SMIMEA",
  "SRV",
  "SSHFP",
  "SVCB",
  "TLSA",
  "TXT",
  "URI",
] as const;

/** `an A`, `a TXT`: the article by the sound of the type. */
const withArticle = (type: string): string => `${/^(A|HT|MX|NS|S[MRSV])/.test(type) ? "an" : "a"} ${type}`;

interface Record {
  readonly name: string;
  readonly type: (typeof TYPES)[number];
  readonly content: string;
  readonly priority?: number | undefined;
  readonly proxied: boolean;
  readonly ttl?: number | undefined;
}

function targetProblem({ type, content }: Record): string | undefined {
  // RFC 7505: a domain that takes no mail.
  if (type === "MX" && content === ".") return undefined;
  if (isIP(content) !== 0) return `${withArticle(type)} record points to a name, not to an address`;
  if (!TARGET.test(content))
    return `${withArticle(type)} record points to a whole name such as "mail.example.test"`;
  return undefined;
}

function contentProblem(record: Record): string | undefined {
  const { type, content } = record;
  switch (type) {
    case "A":
      return isIPv4(content)
        ? undefined
        : "the content of an A record is an IPv4 address; use CNAME for a name";
    case "AAAA":
      return isIPv6(content)
        ? undefined
        : "the content of an AAAA record is an IPv6 address; use CNAME for a name";
    case "TXT":
      if (txtContent(content) === undefined) {
        return 'a quote is not closed: write quoted strings such as "a" "b", with a backslash before a quote inside';
      }
      return txtWireBytes(content) > MAX_WIRE_BYTES
        ? `longer than the ${MAX_WIRE_BYTES} bytes that the vendor accepts`
        : undefined;
    case "CNAME":
    case "MX":
    case "NS":
    case "PTR":
      return targetProblem(record);
    default:
      return dataProblem(record);
  }
}

function dataProblem({ type, content }: Record): string | undefined {
  const problem = recordDataProblem(type, content);
  return problem && `not ${withArticle(type)} record in zone file form: ${problem}`;
}

/** Problems of one record by itself: key and message. */
function recordProblems(record: Record): [keyof Record, string][] {
  const { type, content, priority, proxied } = record;
  const problems: [keyof Record, string | undefined][] = [
    ["content", contentProblem(record)],
    ["priority", type === "MX" && priority === undefined ? "an MX record needs a priority" : undefined],
    [
      "priority",
      type !== "MX" && priority !== undefined
        ? `only an MX record has this key: ${hasData(type) ? "write the priority into the content" : "remove it"}`
        : undefined,
    ],
    [
      "proxied",
      proxied && !PROXIABLE.includes(type)
        ? `${withArticle(type)} record can't be proxied, only ${PROXIABLE.join(", ")}`
        : undefined,
    ],
    [
      "proxied",
      proxied && isLocal(content) ? `${content} is a local address, which can't be proxied` : undefined,
    ],
  ];
  return problems.flatMap(([key, message]) => (message === undefined ? [] : [[key, message]]));
}

const dnsRecord = z
  .strictObject({
    name: recordName.describe("`@` for the apex"),
    type: z.enum(TYPES),
    content: z
      .string()
      .min(1)
      .describe(
        'address, name or text; text is split into quoted strings of 255 bytes, unless it is quoted already. Types with fields have their zone file form: SRV `10 5 5060 sip.example.test`, HTTPS `1 . alpn="h3,h2"`, CAA `0 issue "letsencrypt.org"`, TLSA `3 1 1 HEX`',
      ),
    priority: z.int().min(0).max(65535).optional().describe("of an MX record: the lowest is tried first"),
    proxied: z.boolean().default(false).describe("goes through Cloudflare: A, AAAA and CNAME only"),
    ttl: z.int().min(60).max(86400).optional().describe("seconds"),
  })
  .superRefine((record, context) => {
    for (const [key, message] of recordProblems(record)) {
      context.addIssue({ code: "custom", path: [key], message });
    }
  });

export const dns = z
  .strictObject({
    zone: domainName.describe("zone at Cloudflare that has the names"),
    ttl: z.int().min(60).max(86400).default(300).describe("seconds, for records that aren't proxied"),
    caa: z.array(domainName).default([]).describe("certificate authorities that may issue for the zone"),
    caa_report: z.email().optional().describe("where an authority reports the requests that it refused"),
    sshfp: z.boolean().default(true).describe("publish the hosts' SSH fingerprints"),
    records: z
      .array(dnsRecord)
      .default([])
      .describe("further records, in any order: a record is identified by its name, type and content"),
  })
  .transform(camelKeys);

export type DnsSettings = z.infer<typeof dns>;

/** Full name inside `zone` of a full name, of labels inside the zone, or of `@`: lower case, no final dot. */
export function nameInZone(zone: string, name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, "");
  if (lower === "@" || lower === zone) return zone;
  return lower.endsWith(`.${zone}`) ? lower : `${lower}.${zone}`;
}

/** Content in the form that the vendor returns: equal contents are equal texts. */
export function canonicalContent(type: string, content: string): string {
  switch (type) {
    case "AAAA":
      return shortAddress(content);
    case "CNAME":
    case "MX":
    case "NS":
    case "PTR":
      return content === "." ? content : content.toLowerCase().replace(/\.$/, "");
    case "TXT":
      return txtContent(content) ?? content;
    default:
      return hasData(type) ? recordContent(type, parseRecordData(type, content)) : content;
  }
}

export const ADDRESSES = ["A", "AAAA"];

/** A delegation and the keys of the zone that it leads to. */
const DELEGATION = ["NS", "DS"];

/**
 * Whether records of these types can't be at one name. An alias must be the only record at its name (RFC 1034, section
 * 3.6.2), and a delegation has only its keys beside it (RFC 4035, section 2.4). At the zone's own name the vendor
 * flattens an alias, so only addresses exclude it.
 * Source: Cloudflare docs, DNS, "Records with the same name" (81053, 81054, 81056), "Delegate subdomains" and
 * "CNAME flattening".
 */
export function excludes(zone: string, name: string, a: string, b: string): boolean {
  if (name === zone) {
    const other = a === "CNAME" ? b : b === "CNAME" ? a : undefined;
    return other !== undefined && [...ADDRESSES, "CNAME"].includes(other);
  }
  if (DELEGATION.includes(a) && DELEGATION.includes(b)) return false;
  return [a, b].some((type) => type === "CNAME" || type === "NS");
}

/** A name in the zone that the inventory uses, and the type of its record. */
export interface NameClaim {
  /** TOML key. */
  readonly key: string;
  /** Full name. */
  readonly name: string;
  /** `address`: A and AAAA. */
  readonly type: "address" | "CNAME";
  /** Whether the record is published; a host with local addresses only has none. */
  readonly published: boolean;
}

/**
 * Records that can't be in one zone together, and names that are too long.
 * @param claims names that the inventory uses by itself: hosts, aliases, services, the cache.
 */
export function zoneProblems(settings: DnsSettings, claims: readonly NameClaim[]): Problem[] {
  const { zone } = settings;
  const written = settings.records.map((record, i) => ({
    key: `dns.records[${i}]`,
    name: nameInZone(zone, record.name),
    type: record.type,
    content: canonicalContent(record.type, record.content),
  }));
  const long = [...claims, ...written]
    .filter(({ name }) => name.length > MAX_NAME_CHARACTERS)
    .map(({ key, name }) => ({
      key,
      message: `the name "${name.slice(0, 40)}…" has ${name.length} characters; a name has at most ${MAX_NAME_CHARACTERS}`,
    }));
  const authorities = settings.caa.map((issuer, i) => ({
    key: `dns.caa[${i}]`,
    name: zone,
    type: "CAA",
    content: canonicalContent("CAA", `0 issue ${issuer}`),
  }));
  const twice = collisions(
    [...authorities, ...written],
    ({ name, type, content }) => `${name} ${type} ${content}`,
  ).map(([first, second]) => ({ key: second.key, message: `the same record as ${first.key}: remove one` }));
  const delegations = written
    .filter(({ name, type }) => type === "NS" && name === zone)
    .map(({ key }) => ({
      key: `${key}.type`,
      message: "the vendor sets the zone's own name servers: remove this record",
    }));
  return [...long, ...twice, ...delegations, ...exclusionProblems(zone, claims, written)];
}

/** Records that cannot be beside a claim or an earlier record of the list. */
function exclusionProblems(
  zone: string,
  claims: readonly NameClaim[],
  written: readonly { key: string; name: string; type: Record["type"]; content: string }[],
): Problem[] {
  const published = claims.filter((claim) => claim.published);
  return written.flatMap(({ key, name, type }, at) => {
    const others = [...published, ...written.slice(0, at)].filter((other) => other.name === name);
    const other = others.find((each) =>
      excludes(zone, name, type, each.type === "address" ? "A" : each.type),
    );
    if (other === undefined) return [];
    const what = other.type === "address" ? "addresses" : other.type;
    return [
      {
        key: `${key}.type`,
        message: `${withArticle(type)} record can't be beside ${what} of ${other.key} at the name ${name}: give one of them another name`,
      },
    ];
  });
}
