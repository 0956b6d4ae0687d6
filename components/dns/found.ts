/** Existing records: in the stack's state and at the vendor. */
import { getDnsRecords } from "@pulumi/cloudflare/getDnsRecords.js";
import { getZone } from "@pulumi/cloudflare/getZone.js";
import type { InvokeOptions } from "@pulumi/pulumi";
import * as z from "zod";
import { canonicalContent } from "../../inventory/dns.ts";
import { hasData, recordContent, recordDataProblem } from "../../inventory/dns-data.ts";
import { providerReason } from "../../lib/error-text.ts";
import { RunError } from "../../lib/run-error.ts";
import { nameOfUrn } from "../../lib/urn.ts";
import type { StackState } from "../stack-state.ts";
import type { FormerRecord, FoundRecord, OwnRecord, OwnZone } from "./reconcile.ts";

export const RECORD_TYPE = "cloudflare:index/dnsRecord:DnsRecord";
export const FORMER_TYPE = "pantheros:dns:FormerRecord";

/** Name of the zone's resource, and prefix of its records' names. */
export const ZONE_NAME = "zone";

const record = z.object({
  id: z.string().min(1),
  name: z.string(),
  type: z.string(),
  content: z.string().nullish(),
  data: z.record(z.string(), z.unknown()).nullish(),
  priority: z.number().nullish(),
  ttl: z.number().default(1),
  proxied: z.boolean().nullish(),
});

/**
 * The content in the same form as that of wanted records. For types with fields it is built from
 * `data`, because the vendor's `content` lacks the priority of some types.
 */
function contentIn({ type, content, data, priority }: z.infer<typeof record>): string {
  if (!hasData(type)) return canonicalContent(type, content ?? "");
  const given = recordContent(type, { priority: priority ?? "", ...data });
  return recordDataProblem(type, given) === undefined ? canonicalContent(type, given) : (content ?? "");
}

/** Undefined for a record without content, such as one whose creation did not finish. */
function foundRecord(value: unknown): FoundRecord | undefined {
  const read = record.safeParse(value);
  if (!read.success || !read.data.content) return undefined;
  const { id, name, type, ttl, proxied } = read.data;
  return { id, name, type, content: contentIn(read.data), ttl, proxied: proxied ?? false };
}

/** The zone in the stack's state. */
export function ownZone({ outputs }: StackState): OwnZone {
  const prefix = `${ZONE_NAME}-`;
  const records: OwnRecord[] = [];
  const former: FormerRecord[] = [];
  for (const [urn, resource] of Object.entries(outputs)) {
    const name = nameOfUrn(urn);
    if (resource.type === FORMER_TYPE)
      former.push({ resource: name, name: String(resource.outputs["name"]) });
    if (resource.type !== RECORD_TYPE) continue;
    const found = foundRecord(resource.outputs);
    const isMade = urn.includes(`pantheros:dns:Zone$${RECORD_TYPE}::${prefix}`);
    if (found) records.push({ ...found, urn, key: isMade ? name.slice(prefix.length) : undefined });
  }
  return { records, former };
}

/** Limit of a listing; the vendor's largest plans allow fewer records. */
const MAX_RECORDS = 100_000;

/**
 * All records of a zone at the vendor.
 * @throws Error when the vendor does not answer, or does not have the zone.
 */
export async function vendorRecords(zoneId: string): Promise<FoundRecord[]> {
  const { results } = await getDnsRecords({ zoneId, maxItems: MAX_RECORDS });
  return results.flatMap((found) => foundRecord(found) ?? []);
}

/**
 * Finds a zone's id by its name.
 * @throws RunError when the vendor does not answer, does not have the zone, or the token may not see it.
 */
export async function zoneIdOf(zone: string, opts?: InvokeOptions): Promise<string> {
  const found = await getZone({ filter: { name: zone } }, opts).catch((error: unknown) => {
    throw new RunError(
      `Cloudflare: zone ${zone}: ${providerReason(error)}; its records stay as they are until Cloudflare answers`,
    );
  });
  // Some releases of the provider leave one of the two fields empty.
  const id = found.zoneId || found.id;
  if (!id) {
    throw new RunError(
      `Cloudflare has no zone ${zone} for this token; add the zone, or give the token Zone.Zone read on it`,
    );
  }
  return id;
}
