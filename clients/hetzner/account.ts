/** What a token and its project have. Source: Hetzner Cloud API (docs.hetzner.cloud), "Errors", "SSH keys", "Primary IPs". */
import * as z from "zod";
import { VendorError } from "../vendor-api.ts";
import type { HetznerApi } from "./api.ts";

const count = z.object({ meta: z.object({ pagination: z.object({ total_entries: z.number() }) }) });

/** Of the project; an account's limits count over all its projects. */
export async function countOf(api: HetznerApi, kind: "servers" | "primary_ips"): Promise<number> {
  return count.parse(await api.request("GET", `/${kind}?per_page=1`)).meta.pagination.total_entries;
}

/**
 * Whether the token may write. A request without its required fields shows it: the vendor refuses a token that may
 * only read before it looks at the fields, and creates nothing.
 * @throws VendorError when the answer shows neither
 */
export async function mayWrite(api: HetznerApi): Promise<boolean> {
  try {
    await api.request("POST", "/ssh_keys", {});
    return true;
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    if (error.code === "token_readonly") return false;
    if (error.status === 400 || error.status === 422) return true;
    throw error;
  }
}

const labels = z.record(z.string(), z.string()).default({});
const keys = z.object({
  ssh_keys: z.array(z.object({ name: z.string(), public_key: z.string(), labels })),
});

/** The project's SSH keys: the first page, of up to 50. */
export async function sshKeys(api: HetznerApi): Promise<z.infer<typeof keys>["ssh_keys"]> {
  return keys.parse(await api.request("GET", "/ssh_keys?per_page=50")).ssh_keys;
}

const servers = z.object({ servers: z.array(z.object({ name: z.string(), labels })) });

/** The project's server of a name, if there is one: names are unique in a project. */
export async function serversNamed(
  api: HetznerApi,
  name: string,
): Promise<z.infer<typeof servers>["servers"]> {
  return servers.parse(await api.request("GET", `/servers?name=${encodeURIComponent(name)}`)).servers;
}
