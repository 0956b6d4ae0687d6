/** An OAuth client's own key, and the tailnet's policy. Source: Tailscale API, "Keys", "Policy file"; kb/1215, "Scopes". */
import * as z from "zod";
import type { TailscaleApi } from "./api.ts";

const client = z.object({
  scopes: z.array(z.string()).default([]),
  tags: z.array(z.string()).nullish(),
});

/** Scopes and tags of an OAuth client. It may always read its own key, whose id is the client's. */
export async function clientRights(api: TailscaleApi, id: string): Promise<z.infer<typeof client>> {
  return client.parse(await api.request("GET", `/tailnet/-/keys/${encodeURIComponent(id)}`));
}

const policy = z.looseObject({
  tagOwners: z.record(z.string(), z.array(z.string())).default({}),
  acls: z.array(z.unknown()).optional(),
  grants: z.array(z.unknown()).optional(),
});
export type Policy = z.infer<typeof policy>;

export async function readPolicy(api: TailscaleApi): Promise<Policy> {
  return policy.parse(await api.request("GET", "/tailnet/-/acl"));
}
