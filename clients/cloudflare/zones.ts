/** Tokens, zones and records at Cloudflare. Source: Cloudflare API v4, "Verify Token", "List Zones", "List DNS Records". */
import * as z from "zod";
import { VendorError } from "../vendor-api.ts";
import type { CloudflareApi } from "./api.ts";

const token = z.object({
  result: z.object({ status: z.string(), expires_on: z.string().nullish() }),
});
export type Token = z.infer<typeof token>["result"];

const zone = z.object({
  id: z.string(),
  name: z.string(),
  /** `active` once its name servers are delegated to. */
  status: z.string(),
  paused: z.boolean().default(false),
  name_servers: z.array(z.string()).default([]),
  /** What the token may do with it, such as `#dns_records:edit`. */
  permissions: z.array(z.string()).default([]),
});
export type CloudflareZone = z.infer<typeof zone>;

const zones = z.object({
  result: z.array(zone),
  result_info: z.object({ total_count: z.number() }).optional(),
});

const records = z.object({
  result: z.array(
    z.object({
      name: z.string(),
      data: z.object({ tag: z.string(), value: z.string() }).partial().nullish(),
      content: z.string().nullish(),
    }),
  ),
});

/**
 * The state of a user's token; undefined for a token of an account, which this call refuses although it is valid.
 * @throws VendorError when the vendor refuses it for another reason
 */
export async function verifyToken(api: CloudflareApi): Promise<Token | undefined> {
  try {
    return token.parse(await api.request("GET", "/user/tokens/verify")).result;
  } catch (error) {
    if (error instanceof VendorError && error.code === "1000") return undefined;
    throw error;
  }
}

/** The zones that the token may see: the first page, of up to 50. */
export async function listZones(api: CloudflareApi): Promise<readonly CloudflareZone[]> {
  return zones.parse(await api.request("GET", "/zones?per_page=50")).result;
}

export async function findZone(api: CloudflareApi, name: string): Promise<CloudflareZone | undefined> {
  const found = zones.parse(await api.request("GET", `/zones?name=${encodeURIComponent(name)}`)).result;
  return found.find((each) => each.name === name);
}

/** Authorities that the zone's CAA records at its apex let issue certificates; empty: no such record. */
export async function caaIssuers(
  api: CloudflareApi,
  { id, name }: CloudflareZone,
): Promise<readonly string[]> {
  const query = new URLSearchParams({ type: "CAA", name, per_page: "100" });
  const found = records.parse(await api.request("GET", `/zones/${id}/dns_records?${query}`)).result;
  return found.flatMap(({ data, content }) => {
    const [, tag = data?.tag, value = data?.value] = /^\d+ (\S+) "?([^"]*)"?$/.exec(content ?? "") ?? [];
    return tag === "issue" && value !== undefined ? [value.split(";")[0]?.trim() ?? ""] : [];
  });
}
