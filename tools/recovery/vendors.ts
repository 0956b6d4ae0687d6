import * as z from "zod";
import { CloudflareApi } from "../../clients/cloudflare/api.ts";
import { TailscaleApi, tailscaleCredentials } from "../../clients/tailscale/api.ts";
import type { RequestOptions } from "../../clients/vendor-api.ts";
import { runProcess } from "../../deployer/process/runner.ts";
import { loadPart } from "../../providers/parts.ts";
import type { Properties } from "./deployment.ts";
import { text } from "./finder.ts";

const TIMEOUT_SECONDS = 30;
const MAX_OP_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The finders' requests. A refusal is an error that names the vendor and the path. */
export interface Vendors {
  /** A GET request to a provider of servers; `kind` is that of the inventory. */
  servers(request: {
    readonly kind: string;
    readonly provider: Properties;
    readonly path: string;
  }): Promise<Properties>;
  cloudflare(provider: Properties, path: string): Promise<Properties>;
  tailscale(provider: Properties, method: "GET" | "DELETE", path: string): Promise<Properties>;
  /** Whether the bucket exists and belongs to this account. */
  ownsBucket(provider: Properties, bucket: string): Promise<boolean>;
  /** Items of a 1Password vault. */
  onepassword(vault: string): Promise<readonly Properties[]>;
}

const itemList = z.array(z.record(z.string(), z.unknown()));

/**
 * Reads the output of `op item list --format json`, which is a list even for an empty vault. An
 * empty output is an error and not an empty list, because an item that is not listed leaves the
 * state (repairs.ts).
 */
function itemsOf(stdout: string): Properties[] {
  try {
    return itemList.parse(JSON.parse(stdout));
  } catch {
    throw new Error(`op item list: the output is ${stdout === "" ? "empty" : "not a list of items"}`);
  }
}

/** Requests go to the provider's endpoint if its configuration names one; tokens come from the environment. */
export function vendorsFrom(env: NodeJS.ProcessEnv, options: RequestOptions = {}): Vendors {
  const variable = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "") throw new Error(`${name} is not set`);
    return value;
  };
  /** A stack has one tailnet, and its client requests an access token once. */
  let tailnet: TailscaleApi | undefined;
  return {
    async servers({ kind, provider, path }) {
      const { open } = await loadPart(kind, "recovery");
      return open(provider, variable, options)(path);
    },
    async cloudflare(provider, path) {
      const endpoint = text(provider["baseUrl"]);
      const api = new CloudflareApi({ ...options, endpoint, token: variable("CLOUDFLARE_API_TOKEN") });
      return (await api.request("GET", path)) as Properties;
    },
    async tailscale(provider, method, path) {
      const endpoint = text(provider["baseUrl"]);
      const credentials = tailscaleCredentials(env);
      tailnet ??= new TailscaleApi({ ...options, endpoint, credentials, scope: "auth_keys" });
      return (await tailnet.request(method, path)) as Properties;
    },
    async ownsBucket(provider, bucket) {
      const { HeadBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
      const endpoint = s3Endpoint(provider);
      const client = new S3Client({
        region: text(provider["region"]) || "us-east-1",
        forcePathStyle: true,
        // Without `throwOnRequestTimeout` the timeout is only logged (@smithy/node-http-handler).
        requestHandler: { requestTimeout: TIMEOUT_SECONDS * 1000, throwOnRequestTimeout: true },
        ...(endpoint !== "" && { endpoint }),
      });
      try {
        await client.send(new HeadBucketCommand({ Bucket: bucket }));
        return true;
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        // Absent, or another account's: the next `up` creates it or reports the conflict.
        if (status === 404 || status === 403 || status === 301) return false;
        throw error;
      } finally {
        client.destroy();
      }
    },
    async onepassword(vault) {
      const { exitCode, timedOut, stdout, stderr } = await runProcess({
        argv: [env["OP_CLI_PATH"] || "op", "item", "list", "--vault", vault, "--format", "json"],
        timeoutSeconds: TIMEOUT_SECONDS,
        maxOutputBytes: MAX_OP_OUTPUT_BYTES,
        ownGroup: false,
      });
      if (timedOut) throw new Error(`op item list: no answer within ${TIMEOUT_SECONDS} s`);
      if (exitCode !== 0) throw new Error(`op item list: ${stderr}`);
      return itemsOf(stdout);
    },
  };
}

/** The state stores lists among provider settings as JSON text. */
function s3Endpoint(provider: Properties): string {
  const raw = provider["endpoints"];
  const list = (typeof raw === "string" ? JSON.parse(raw) : raw) as readonly Properties[] | undefined;
  return text(list?.[0]?.["s3"]);
}
