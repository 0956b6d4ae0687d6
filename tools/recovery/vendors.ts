import { spawnSync } from "node:child_process";
import { askAgain } from "../../clients/retry.ts";
import type { Properties } from "./deployment.ts";

const SECONDS = 30;
const RETRIES = { tries: 4, pauseMs: 500 };

/** What the finders ask the vendors. Each answers lists of plain objects; a refusal is an error that names the address. */
export interface Vendors {
  hetzner(provider: Properties, path: string): Promise<Properties>;
  cloudflare(provider: Properties, path: string): Promise<Properties>;
  tailscale(provider: Properties, method: "GET" | "DELETE", path: string): Promise<Properties>;
  /** Whether the bucket exists and is ours. */
  ownsBucket(provider: Properties, bucket: string): Promise<boolean>;
  /** Items of a 1Password vault. */
  onepassword(vault: string): readonly Properties[];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The real vendors, or the emulated ones where the provider's configuration says so; tokens come from the environment. */
export function vendorsFrom(env: NodeJS.ProcessEnv): Vendors {
  const token = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === "") throw new Error(`${name} is not set`);
    return value;
  };
  return {
    hetzner: (provider, path) =>
      call(
        `${text(provider["endpoint"]) || "https://api.hetzner.cloud/v1"}${path}`,
        "GET",
        token("HCLOUD_TOKEN"),
      ),
    cloudflare: (provider, path) =>
      call(
        `${text(provider["baseUrl"]) || "https://api.cloudflare.com/client/v4"}${path}`,
        "GET",
        token("CLOUDFLARE_API_TOKEN"),
      ),
    tailscale: (provider, method, path) =>
      call(
        `${text(provider["baseUrl"]) || "https://api.tailscale.com"}/api/v2${path}`,
        method,
        token("TAILSCALE_API_KEY"),
      ),
    async ownsBucket(provider, bucket) {
      const { HeadBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
      const endpoint = s3Endpoint(provider);
      const client = new S3Client({
        region: text(provider["region"]) || "us-east-1",
        forcePathStyle: true,
        // Without the word a silent store is waited for for good (@smithy/node-http-handler).
        requestHandler: { requestTimeout: SECONDS * 1000, throwOnRequestTimeout: true },
        ...(endpoint === "" ? {} : { endpoint }),
      });
      try {
        await client.send(new HeadBucketCommand({ Bucket: bucket }));
        return true;
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        // Not there, or somebody else's: the creation that follows tells which.
        if (status === 404 || status === 403 || status === 301) return false;
        throw error;
      } finally {
        client.destroy();
      }
    },
    onepassword(vault) {
      const result = spawnSync(
        env["OP_CLI_PATH"] || "op",
        ["item", "list", "--vault", vault, "--format", "json"],
        {
          encoding: "utf8",
          timeout: SECONDS * 1000,
        },
      );
      if (result.status !== 0) throw new Error(`op item list: ${result.stderr || result.error?.message}`);
      return JSON.parse(result.stdout || "[]") as Properties[];
    },
  };
}

/** Provider settings that are lists stand in the state as JSON text. */
function s3Endpoint(provider: Properties): string {
  const raw = provider["endpoints"];
  const list = (typeof raw === "string" ? JSON.parse(raw) : raw) as readonly Properties[] | undefined;
  return text(list?.[0]?.["s3"]);
}

/**
 * Tried again when the network or the vendor fails, never when it says no: a connection that lay idle during a preview may be closed
 * under the next question. Reads and deletions may come twice.
 * @throws Error naming method and address.
 */
async function call(url: string, method: "GET" | "DELETE", token: string): Promise<Properties> {
  const ask = () =>
    fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(SECONDS * 1000),
    });
  const answer = await askAgain(ask, RETRIES).catch((error: Error) => {
    throw new Error(`${method} ${url}: ${error.cause ?? error}`);
  });
  // Gone: an earlier try, or somebody else.
  if (method === "DELETE" && answer.status === 404) return {};
  if (!answer.ok) throw new Error(`${method} ${url} answers ${answer.status}`);
  const body = await answer.text();
  return body === "" ? {} : (JSON.parse(body) as Properties);
}
