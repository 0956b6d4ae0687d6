import { timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import type { Account } from "./account.ts";
import { answer, CloudflareError } from "./envelope.ts";
import { records } from "./records.ts";
import { idFor } from "./state.ts";
import { zoneSettings } from "./zone-settings.ts";
import { zones } from "./zones.ts";

function authorise(context: Context, token: string): void {
  const header = context.req.header("authorization");
  if (header === undefined) {
    throw new CloudflareError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers");
  }
  const given = Buffer.from(/^Bearer (.+)$/.exec(header)?.[1] ?? "");
  if (given.length === 0) throw new CloudflareError(400, 6003, "Invalid request headers");
  const wanted = Buffer.from(token);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    const verifying = context.req.path.endsWith("/tokens/verify");
    throw verifying
      ? new CloudflareError(401, 1000, "Invalid API Token")
      : new CloudflareError(403, 10000, "Authentication error");
  }
}

/** Cloudflare's API v4, as far as one zone of DNS needs it. */
export function cloudflareApp(account: Account): Hono {
  const app = new Hono();
  const { edge, token, log } = account.options;

  app.onError((error, context) => {
    if (error instanceof CloudflareError) return context.json(error.body(), error.status);
    log(`error: ${error.stack ?? error.message}`);
    return context.json(new CloudflareError(500, 10001, "Internal error").body(), 500);
  });
  app.notFound((context) =>
    context.json(new CloudflareError(404, 7000, "No route for that URI").body(), 404),
  );

  // The only path that needs no token: the address ranges of the edge.
  app.get("/client/v4/ips", (context) =>
    answer(context, { ipv4_cidrs: [`${edge}/32`], ipv6_cidrs: ["2001:db8:cf::/48"], etag: idFor(edge) }),
  );

  app.use("/client/v4/*", async (context, next) => {
    authorise(context, token);
    await next();
    account.store.commit();
  });

  app.get("/client/v4/user/tokens/verify", (context) =>
    context.json({
      result: { id: idFor(token), status: "active" },
      success: true,
      errors: [],
      messages: [{ code: 10000, message: "This API Token is valid and active", type: null }],
    }),
  );
  for (const routes of [zones(account), zoneSettings(account), records(account)])
    app.route("/client/v4", routes);
  return app;
}
