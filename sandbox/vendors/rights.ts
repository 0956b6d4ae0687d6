/**
 * What the emulated accounts and their tokens may do. `vendors/rights.json` in the sandbox's directory restricts them
 * as the vendors' consoles can; without the file they may do everything that the program needs, and no more. It is
 * read at each request.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const shape = z.strictObject({
  hetzner: z
    .strictObject({
      /** A token with the permission Read: it may only make GET requests. */
      readOnly: z.boolean(),
      /** The account's limits; the API tells them only by refusing (`resource_limit_exceeded`). */
      limits: z.strictObject({ servers: z.int(), primary_ips: z.int() }).partial(),
    })
    .partial()
    .default({}),
  cloudflare: z
    .strictObject({
      token: z.enum(["active", "disabled", "expired"]),
      /** When the token expires, RFC 3339. */
      expires_on: z.string(),
      /** The token's permissions on its zones, as the vendor lists them with a zone. */
      permissions: z.array(z.string()),
      /** Status of all zones. */
      zone: z.enum(["active", "pending", "moved"]),
      paused: z.boolean(),
      /** The name servers that the account's zones were given. */
      nameServers: z.array(z.string()),
    })
    .partial()
    .default({}),
  tailscale: z
    .strictObject({
      /** Of the OAuth client. */
      scopes: z.array(z.string()),
      tags: z.array(z.string()),
    })
    .partial()
    .default({}),
  s3: z
    .strictObject({
      /** Of the application key. */
      capabilities: z.array(z.string()),
      /** The key is restricted to this bucket. */
      bucket: z.string(),
      /** Names of other customers' buckets. */
      taken: z.array(z.string()),
    })
    .partial()
    .default({}),
});
export type Rights = z.infer<typeof shape>;
export type RightsInput = z.input<typeof shape>;

export const rightsFile = (dir: string): string => join(dir, "vendors", "rights.json");

/** @param dir directory of the sandbox */
export function readRights(dir: string): Rights {
  const file = rightsFile(dir);
  return shape.parse(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});
}

/** A function that reads the rights of one vendor, as its app gets it. */
export type RightsOf<V extends keyof Rights> = () => Rights[V];
