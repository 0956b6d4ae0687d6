import { type Plugin, text } from "../framework/resource.ts";
import { acl } from "./acl.ts";
import { fromFile, Tailscale } from "./client.ts";
import { dnsNameservers, dnsPreferences, dnsSearchPaths } from "./dns.ts";
import { tailnetKey } from "./key.ts";

/** Replaces @pulumi/tailscale 0.29.1 for the resources that the program uses. */
export const tailscale: Plugin<Tailscale> = {
  name: "tailscale",
  secretConfig: ["apiKey", "identityToken", "oauthClientSecret"],
  jsonConfig: ["scopes"],
  configure(config) {
    const get = (key: string, variable: string) => fromFile(text(config[key]) || process.env[variable] || "");
    const oauthClientId = get("oauthClientId", "TAILSCALE_OAUTH_CLIENT_ID");
    const oauthClientSecret = get("oauthClientSecret", "TAILSCALE_OAUTH_CLIENT_SECRET");
    const apiKey = get("apiKey", "TAILSCALE_API_KEY");
    if (!apiKey && !(oauthClientId && oauthClientSecret)) {
      throw new Error(
        "tailscale: no credentials; set apiKey (TAILSCALE_API_KEY) or oauthClientId and oauthClientSecret",
      );
    }
    const base = text(config["baseUrl"]) || process.env["TAILSCALE_BASE_URL"] || "https://api.tailscale.com";
    const tailnet = text(config["tailnet"]) || process.env["TAILSCALE_TAILNET"] || "-";
    return new Tailscale(base, tailnet, { apiKey, oauthClientId, oauthClientSecret });
  },
  resources: {
    "tailscale:index/acl:Acl": acl,
    "tailscale:index/tailnetKey:TailnetKey": tailnetKey,
    "tailscale:index/dnsPreferences:DnsPreferences": dnsPreferences,
    "tailscale:index/dnsNameservers:DnsNameservers": dnsNameservers,
    "tailscale:index/dnsSearchPaths:DnsSearchPaths": dnsSearchPaths,
  },
};
