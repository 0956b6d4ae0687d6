import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import * as z from "zod";
import { txtContent } from "../dns/rrsets.ts";
import { bad } from "./envelope.ts";
import { fromData, hostName, isStructured } from "./record-data.ts";
import type { RecordRow } from "./state.ts";

/** The fields of a record in a request; the vendor sets the others of a row. */
export const recordBody = z.object({
  name: z.string().min(1),
  type: z.string(),
  content: z.string().optional(),
  data: z.record(z.string(), z.unknown()).nullish(),
  priority: z.int().min(0).max(65_535).nullish(),
  proxied: z.boolean().nullish(),
  ttl: z.number().nullish(),
  comment: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  settings: z.record(z.string(), z.unknown()).nullish(),
});
export type RecordBody = z.infer<typeof recordBody>;
export type RecordContent = Omit<RecordRow, "id" | "created_on" | "modified_on">;

const PLAIN = ["A", "AAAA", "CNAME", "MX", "NS", "OPENPGPKEY", "PTR", "TXT"];
const PROXIABLE = ["A", "AAAA", "CNAME"];
/** Bytes of one record's data, and of all of one name and type. Source: Cloudflare docs, DNS, "DNS record types". */
const MAX_WIRE_BYTES = 4096;
const MAX_SET_BYTES = 8192;
const HOST =
  /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;

/** Labels have at most 63 bytes, a name 253. Source: RFC 1035, section 2.3.4. */
function isHost(name: string): boolean {
  const plain = name.replace(/\.$/, "");
  return HOST.test(name) && plain.length <= 253 && plain.split(".").every((label) => label.length <= 63);
}

/** Networks that the edge cannot reach (9003). Source: kubernetes-sigs/external-dns#6556. */
const UNREACHABLE = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  UNREACHABLE.addSubnet(network, bits, "ipv4");
}

export const proxiable = (type: string) => PROXIABLE.includes(type);

/** The name as the API answers it: absolute within the zone, lower case, no trailing dot. `@` is the zone itself. */
export function recordName(name: string, zone: string): string {
  const plain = name.replace(/\.$/, "").toLowerCase();
  if (plain === "@" || plain === zone) return zone;
  return plain.endsWith(`.${zone}`) ? plain : `${plain}.${zone}`;
}

/** The shortest form of an address, which Cloudflare answers. */
const shortIpv6 = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1);

function plainContent(type: string, content: string): string {
  switch (type) {
    case "A":
      if (!isIPv4(content)) throw bad(9005, "Content for A record must be a valid IPv4 address.");
      return content;
    case "AAAA":
      if (!isIPv6(content)) throw bad(9006, "Content for AAAA record must be a valid IPv6 address.");
      return shortIpv6(content);
    case "CNAME":
      if (!isHost(content) || isIP(content) !== 0) throw bad(9007, "Content for CNAME record is invalid.");
      return hostName(content);
    case "MX":
      if ((!isHost(content) && content !== ".") || isIP(content) !== 0)
        throw bad(9009, "Content for MX record must be a hostname.");
      return hostName(content);
    case "NS":
    case "PTR":
      if (!isHost(content) || isIP(content) !== 0)
        throw bad(9008, `Content for ${type} record must be a hostname.`);
      return hostName(content);
    case "TXT":
      return keptText(content);
    default:
      return content;
  }
}

/**
 * Text of up to 255 bytes keeps its form, quoted or not; longer text is answered as quoted strings.
 * Source: Cloudflare API, "TXTRecord"; cloudflare/terraform-provider-cloudflare#6238.
 */
function keptText(content: string): string {
  const strings = txtContent(content);
  if (Buffer.byteLength(strings) > MAX_WIRE_BYTES)
    throw bad(9000, "DNS Validation Error: the record is too long.");
  return Buffer.byteLength(content) <= 255 || content === strings ? content : strings;
}

function timeToLive(body: RecordBody, proxied: boolean): number {
  const ttl = body.ttl ?? 1;
  if (proxied) return 1;
  if (ttl !== 1 && !(Number.isInteger(ttl) && ttl >= 60 && ttl <= 86_400)) {
    throw bad(9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.");
  }
  return ttl;
}

/** Checks a request and returns the record in the vendor's form. */
export function recordFrom(body: RecordBody, zone: string): RecordContent {
  const { type } = body;
  if (!PLAIN.includes(type) && !isStructured(type)) throw bad(9004, `Invalid record type: ${type}`);
  const name = recordName(body.name, zone);
  if (!isHost(name)) throw bad(9000, "DNS name is invalid.");
  const proxied = body.proxied ?? false;
  if (proxied && !proxiable(type)) throw bad(9004, "This record type cannot be proxied.");
  const common = {
    name,
    type,
    proxied,
    ttl: timeToLive(body, proxied),
    comment: body.comment || null,
    tags: body.tags ?? [],
    settings: type === "CNAME" ? { flatten_cname: false, ...body.settings } : (body.settings ?? {}),
  };
  if (isStructured(type)) return { ...common, ...fromData(type, body.data, body.priority) };
  if (body.content === undefined || body.content === "")
    throw bad(9020, `Content for ${type} record must not be empty.`);
  const content = plainContent(type, body.content);
  if (proxied && isIPv4(content) && UNREACHABLE.check(content)) {
    throw bad(9003, `Target ${content} is not allowed for a proxied record.`);
  }
  if (type !== "MX") return { ...common, content };
  if (body.priority == null) throw bad(9100, "MX records require a priority.");
  return { ...common, content, priority: body.priority };
}

/** Refuses a record that conflicts with existing ones. Source: Cloudflare docs, DNS "troubleshooting/api". */
export function assertFits(candidate: RecordContent, others: RecordContent[]): void {
  const beside = others.filter((other) => other.name === candidate.name);
  const twin = beside.find(
    (other) =>
      other.type === candidate.type &&
      other.content === candidate.content &&
      other.priority === candidate.priority,
  );
  if (twin !== undefined) {
    if (twin.ttl === candidate.ttl && twin.proxied === candidate.proxied) {
      throw bad(81058, "An identical record already exists.");
    }
    throw bad(81057, "The record already exists.");
  }
  const set = beside.filter((other) => other.type === candidate.type);
  if (set.reduce((sum, other) => sum + other.content.length, candidate.content.length) > MAX_SET_BYTES) {
    throw bad(
      9000,
      `DNS Validation Error: records of ${candidate.name} ${candidate.type} exceed ${MAX_SET_BYTES} characters.`,
    );
  }
  const has = (...types: string[]) => beside.some((other) => types.includes(other.type));
  if (candidate.type === "CNAME" && has("A", "AAAA", "CNAME")) {
    throw bad(81053, "An A, AAAA, or CNAME record with that host already exists.");
  }
  if (proxiable(candidate.type) && has("CNAME"))
    throw bad(81054, "A CNAME record with that host already exists.");
  if (candidate.type !== "NS" && candidate.type !== "DS" && has("NS")) {
    throw bad(81056, "NS records with that host already exist.");
  }
}
