import { TailscaleError } from "./errors.ts";
import type { Tailnet } from "./tailnet.ts";

/** Scopes and tag of an OAuth client as docs/real-account.md describes it. */
const SCOPES = ["auth_keys", "devices:core", "dns", "policy_file"];
const TAGS = ["tag:pantheros"];

export const clientScopes = ({ options }: Tailnet): readonly string[] => options.rights?.().scopes ?? SCOPES;
export const clientTags = ({ options }: Tailnet): readonly string[] => options.rights?.().tags ?? TAGS;

/** The scope that a path needs. Source: tailscale.com/kb/1215, "Scopes"; a client may always read its own key. */
function neededScope(tailnet: Tailnet, method: string, path: string): string | undefined {
  if (method === "GET" && path.endsWith(`/keys/${tailnet.options.clientId}`)) return undefined;
  if (/\/keys(\/|$)/.test(path)) return "auth_keys";
  if (/\/acl(\/|$)/.test(path)) return "policy_file";
  if (/\/dns\//.test(path)) return "dns";
  return "devices:core";
}

/** @throws TailscaleError when the OAuth client lacks the scope of the request */
export function assertScope(tailnet: Tailnet, method: string, path: string): void {
  const needed = neededScope(tailnet, method, path);
  const scopes = clientScopes(tailnet);
  if (needed === undefined || scopes.includes("all") || scopes.includes(needed)) return;
  if (method === "GET" && (scopes.includes("all:read") || scopes.includes(`${needed}:read`))) return;
  throw new TailscaleError(403, "calling actor does not have enough permissions to perform this function");
}
