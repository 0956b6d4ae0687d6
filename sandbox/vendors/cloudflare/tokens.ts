import { Hono } from "hono";
import type { Account } from "./account.ts";
import { answer, CloudflareError } from "./envelope.ts";
import { idFor } from "./state.ts";

const VERIFY = "/client/v4/user/tokens/verify";

/**
 * Refuses what the token's state or permissions forbid. A token that is not active may only ask for its state.
 * @throws CloudflareError
 */
export function assertAllowed(account: Account, method: string, path: string): void {
  if (path === VERIFY) return;
  const { token = "active" } = account.rights;
  const needed = path.includes("/dns_records")
    ? method === "GET"
      ? ["#dns_records:read", "#dns_records:edit"]
      : ["#dns_records:edit"]
    : ["#zone:read", "#zone:edit"];
  if (token === "active" && needed.some((each) => account.permissions.includes(each))) return;
  throw new CloudflareError(403, 10000, "Authentication error");
}

/** `GET /user/tokens/verify`. Source: cloudflare-typescript 7, `TokenVerifyResponse`. */
export function tokens(account: Account): Hono {
  const app = new Hono();
  app.get("/user/tokens/verify", (context) => {
    const { token: status = "active", expires_on } = account.rights;
    return answer(context, { id: idFor("token"), status, ...(expires_on !== undefined && { expires_on }) });
  });
  return app;
}
