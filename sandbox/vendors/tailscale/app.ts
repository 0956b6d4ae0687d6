import { timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { acl } from "./acl.ts";
import { devices } from "./devices.ts";
import { dnsSettings } from "./dns-settings.ts";
import { notFound, TailscaleError } from "./errors.ts";
import { join } from "./join.ts";
import { keys } from "./keys.ts";
import { assertScope, clientScopes } from "./scopes.ts";
import { randomWord } from "./state.ts";
import type { Tailnet } from "./tailnet.ts";

/** Lifetime of an access token, in seconds, as at the vendor. */
const TOKEN_SECONDS = 3600;

const equal = (a: string, b: string) =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** The credential of a request: an API key as basic-auth user name, or a bearer token (key or access token). */
function credential(context: Context): string {
  const header = context.req.header("authorization") ?? "";
  const basic = /^Basic (.+)$/i.exec(header)?.[1];
  if (basic !== undefined) return Buffer.from(basic, "base64").toString().split(":")[0] ?? "";
  return /^Bearer (.+)$/i.exec(header)?.[1] ?? "";
}

function authorise(tailnet: Tailnet, context: Context): void {
  const given = credential(context);
  const ends = tailnet.tokens.get(given);
  if (ends !== undefined && ends > Date.now()) {
    assertScope(tailnet, context.req.method, context.req.path);
    return;
  }
  if (given === "" || !equal(given, tailnet.options.apiKey))
    throw new TailscaleError(401, "API token invalid");
}

/** Client credentials grant: the id and secret as basic auth or in the form. */
async function issueToken(tailnet: Tailnet, context: Context): Promise<Response> {
  const form = await context.req.parseBody();
  const header = /^Basic (.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
  const [basicId = "", basicSecret = ""] =
    header === undefined ? [] : Buffer.from(header, "base64").toString().split(":").map(decodeURIComponent);
  const id = header === undefined ? String(form.client_id ?? "") : basicId;
  const secret = header === undefined ? String(form.client_secret ?? "") : basicSecret;
  const ours = id === tailnet.options.clientId && equal(secret, tailnet.options.clientSecret);
  if (!ours) throw new TailscaleError(401, "API token invalid");
  const token = `tskey-api-k${randomWord(12)}CNTRL-${randomWord(32)}`;
  tailnet.tokens.set(token, Date.now() + TOKEN_SECONDS * 1000);
  return context.json({
    access_token: token,
    token_type: "Bearer",
    expires_in: TOKEN_SECONDS,
    scope: clientScopes(tailnet).join(" "),
  });
}

/** Tailscale's API v2 for one tailnet, by its name or `-`. */
export function tailscaleApp(tailnet: Tailnet): Hono {
  const app = new Hono();

  app.onError((error, context) => {
    if (error instanceof TailscaleError) return context.json(error.body(), error.status);
    tailnet.options.log(`error: ${error.stack ?? error.message}`);
    return context.json({ message: "internal server error" }, 500);
  });
  app.notFound((context) => context.json({ message: "404 page not found" }, 404));

  app.use(async (_context, next) => {
    await next();
    tailnet.store.commit();
  });
  app.post("/api/v2/oauth/token", (context) => issueToken(tailnet, context));
  app.route("/", join(tailnet));

  app.use("/api/v2/*", async (context, next) => {
    authorise(tailnet, context);
    await next();
  });
  app.use("/api/v2/tailnet/:tailnet/*", async (context, next) => {
    const name = context.req.param("tailnet");
    if (!["-", tailnet.options.name, tailnet.options.suffix].includes(name)) throw notFound();
    await next();
  });
  for (const routes of [acl(tailnet), keys(tailnet), devices(tailnet), dnsSettings(tailnet)]) {
    app.route("/api/v2", routes);
  }
  return app;
}
