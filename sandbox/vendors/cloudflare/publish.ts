import { absolute, groupRecords, type RecordSet, txtContent } from "../dns/rrsets.ts";
import type { RecordContent } from "./record-rules.ts";

/** TTL of records set to "automatic". */
const AUTOMATIC_TTL = 300;

/** PowerDNS takes the values of parameters without quotes, where they need none: `alpn=h3,h2`. */
const unquoted = (params: string): string => params.replaceAll(/="([^"\s\\]*)"/g, "=$1");

/** Content in zone-file form. */
function zoneFileContent(record: RecordContent): string {
  switch (record.type) {
    case "CNAME":
    case "NS":
    case "PTR":
      return absolute(record.content);
    case "MX":
      return `${record.priority ?? 0} ${record.content === "." ? "." : absolute(record.content)}`;
    case "TXT":
      return txtContent(record.content);
    case "SRV": {
      const { priority, weight, port, target } = record.data ?? {};
      return `${priority} ${weight} ${port} ${target === "." ? "." : absolute(String(target))}`;
    }
    case "HTTPS":
    case "SVCB": {
      const { priority, target, value } = record.data ?? {};
      return `${priority} ${target === "." ? "." : absolute(String(target))} ${unquoted(String(value ?? ""))}`.trim();
    }
    case "URI":
      return `${record.priority ?? 0} ${record.content}`;
    case "SSHFP":
    case "SMIMEA":
    case "TLSA":
    case "DS":
      return record.content.toLowerCase();
    default:
      return record.content;
  }
}

/** The addresses behind a CNAME within the zone, for a CNAME that is flattened. */
function flatten(target: string, records: RecordContent[], depth = 0): RecordContent[] {
  if (depth > 8) return [];
  return records
    .filter((record) => record.name === target)
    .flatMap((record) => (record.type === "CNAME" ? flatten(record.content, records, depth + 1) : [record]))
    .filter((record) => record.type === "A" || record.type === "AAAA");
}

/**
 * The record sets that the zone's servers answer. A proxied record has the edge's address, whatever its
 * content. A CNAME at the apex, or with other records of its name, is flattened to addresses, as at the vendor.
 */
export function publishedSets(zone: string, records: RecordContent[], edge: string): RecordSet[] {
  const published = records.flatMap((record) => {
    const ttl = record.ttl === 1 ? AUTOMATIC_TTL : record.ttl;
    const name = absolute(record.name);
    if (record.proxied) return [{ name, type: "A", ttl, content: edge }];
    const shared = records.some((other) => other !== record && other.name === record.name);
    if (
      record.type === "CNAME" &&
      (record.name === zone || shared || record.settings.flatten_cname === true)
    ) {
      return flatten(record.content, records).map((found) => ({
        name,
        type: found.proxied ? "A" : found.type,
        ttl,
        content: found.proxied ? edge : found.content,
      }));
    }
    return [{ name, type: record.type, ttl, content: zoneFileContent(record) }];
  });
  // The DNS server has an NS set of its own at the apex.
  return groupRecords(
    published.filter((record) => !(record.type === "NS" && record.name === absolute(zone))),
  );
}
