import { type Plugin, text } from "../framework/resource.ts";
import { Cloudflare } from "./client.ts";
import { dnsRecord, getDnsRecords } from "./dns-record.ts";
import { getZone } from "./zone.ts";

/** Replaces @pulumi/cloudflare 6.22.1 for the resources that the program uses. */
export const cloudflare: Plugin<Cloudflare> = {
  name: "cloudflare",
  secretConfig: ["apiKey", "apiToken", "apiUserServiceKey"],
  configure(config) {
    const token = text(config["apiToken"]) || process.env["CLOUDFLARE_API_TOKEN"];
    if (!token) throw new Error("cloudflare: no token; set the provider's apiToken or CLOUDFLARE_API_TOKEN");
    const base =
      text(config["baseUrl"]) || process.env["CLOUDFLARE_BASE_URL"] || "https://api.cloudflare.com/client/v4";
    return new Cloudflare(base, { authorization: `Bearer ${token}` });
  },
  resources: {
    "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
  },
  functions: {
    "cloudflare:index/getDnsRecords:getDnsRecords": getDnsRecords,
    "cloudflare:index/getZone:getZone": getZone,
  },
};
