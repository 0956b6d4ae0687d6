/** Tailscale's API v2. Source: tailscale.com/api. */
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";

/** Tailscale's own base URL. */
export const TAILSCALE_ENDPOINT = "https://api.tailscale.com";

const failure = z.object({ message: z.string() });

export type TailscaleCredentials =
  | { readonly key: string }
  | { readonly id: string; readonly secret: string };

/** An API key (TAILSCALE_API_KEY) wins over an OAuth client (TAILSCALE_OAUTH_CLIENT_ID and _SECRET). */
export function tailscaleCredentials(env: NodeJS.ProcessEnv): TailscaleCredentials {
  const {
    TAILSCALE_API_KEY: key,
    TAILSCALE_OAUTH_CLIENT_ID: id,
    TAILSCALE_OAUTH_CLIENT_SECRET: secret,
  } = env;
  if (key) return { key };
  if (id && secret) return { id, secret };
  throw new Error(
    "no token: set TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET, or TAILSCALE_API_KEY",
  );
}

export interface TailscaleArgs extends RequestOptions {
  /** Base URL; Tailscale's own when left out. */
  readonly endpoint?: string;
  readonly credentials: TailscaleCredentials;
  /** What the token must allow, for the message of a refusal. */
  readonly scope: "devices:core" | "auth_keys";
}

/** Access tokens are valid for an hour, longer than any program here runs. */
export class TailscaleApi extends VendorApi {
  constructor({ endpoint, credentials, scope, ...options }: TailscaleArgs) {
    const shared = {
      ...options,
      vendor: "Tailscale",
      endpoint: `${(endpoint || TAILSCALE_ENDPOINT).replace(/\/$/, "")}/api/v2`,
      failure,
    };
    let token: Promise<string> | undefined;
    super({
      ...shared,
      permissionHint: `the token needs the scope ${scope}`,
      token: () => {
        token ??=
          "key" in credentials
            ? Promise.resolve(credentials.key)
            : new TokenApi(shared).accessToken(credentials);
        return token;
      },
    });
  }
}

class TokenApi extends VendorApi {
  async accessToken(client: { id: string; secret: string }): Promise<string> {
    const form = new URLSearchParams({ client_id: client.id, client_secret: client.secret });
    const shape = z.object({ access_token: z.string() });
    return (await this.read(shape, "POST", "/oauth/token", form)).access_token;
  }
}
