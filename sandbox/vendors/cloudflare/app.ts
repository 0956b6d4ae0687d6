import { timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import type { Account } from "./account.ts";
import { CloudflareError } from "./envelope.ts";
import { records } from "./records.ts";
import { assertAllowed, tokens } from "./tokens.ts";
import { zones } from "./zones.ts";

function authorise(context: Context, token: string): void {
  const header = context.req.header("authorization");
  if (header === undefined) {
    throw new CloudflareError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers");
  }
  const given = Buffer.from(/^Bearer (.+)$/.exec(header)?.[1] ?? "");
  if (given.length === 0) throw new CloudflareError(400, 6003, "Invalid request headers");
  const expected = Buffer.from(token);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new CloudflareError(403, 10000, "Authentication error");
  }
}

/** The parts of Cloudflare's API v4 that DNS needs. */
export function cloudflareApp(account: Account): Hono {
  const app = new Hono();
  const { token, log } = account.options;

  app.onError((error, context) => {
    if (error instanceof CloudflareError) return context.json(error.body(), error.status);
    log(`error: ${error.stack ?? error.message}`);
    return context.json(new CloudflareError(500, 10001, "Internal error").body(), 500);
  });
  app.notFound((context) =>
    context.json(new CloudflareError(404, 7000, "No route for that URI").body(), 404),
  );

  app.use("/client/v4/*", async (context, next) => {
    authorise(context, token);
    assertAllowed(account, context.req.method, context.req.path);
    await next();
    account.store.commit();
  });

  for (const routes of [tokens(account), zones(account), records(account)]) app.route("/client/v4", routes);
  return app;
}
