/** The control centre's web application: pages and API over the collector. */
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import { streamSSE } from "hono/streaming";
import { SESSION_SECONDS, type Sessions } from "./access/sessions.ts";
import { createApi, problemAnswer } from "./api/api.ts";
import { loadAssets } from "./assets/assets.ts";
import type { Collector } from "./collector.ts";
import { fleetPage } from "./pages/fleet.ts";
import { hostPage } from "./pages/host.ts";
import { messagePage } from "./pages/layout.ts";
import { filterOf } from "./view/filter.ts";

/** Without the prefix `__Host-`, which browsers accept over HTTPS only. */
const COOKIE = "pantheros-centre";

/** A comment on an idle event stream, so that proxies and browsers keep it open. */
const KEEP_ALIVE_MS = 20_000;

export interface CentreOptions {
  readonly collector: Collector;
  readonly sessions: Sessions;
  /** Values of the header Host that are answered; any other is a page of somebody else that names this address. */
  readonly hosts: () => readonly string[];
  readonly now?: () => number;
}

export function createCentre({ collector, sessions, hosts, now = Date.now }: CentreOptions): Hono {
  const app = new Hono();
  const assets = loadAssets();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      referrerPolicy: "no-referrer",
      // It listens on loopback without TLS.
      strictTransportSecurity: false,
    }),
  );
  app.use(async (context, next) => {
    if (!hosts().includes(context.req.header("host") ?? "")) return context.text("unknown Host\n", 421);
    if (!context.req.path.startsWith("/assets/")) context.header("cache-control", "no-store");
    return next();
  });

  app.get("/assets/:sum/:name", (context) => {
    const asset = assets.files.get(context.req.path);
    if (asset === undefined) return context.notFound();
    context.header("cache-control", "public, max-age=31536000, immutable");
    return context.body(asset.content, 200, { "content-type": asset.type });
  });

  app.get("/session", (context) => {
    const token = sessions.open(context.req.query("link") ?? "");
    if (token === undefined) {
      const text = "It opens one session within five minutes. Press Enter in the terminal for a new one.";
      return context.html(messagePage(assets, "This link was used, or is too old", text), 403);
    }
    setCookie(context, COOKIE, token, {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      maxAge: SESSION_SECONDS,
    });
    // A redirect would carry a Strict cookie only when the link was not followed from another site.
    return context.html(openedPage(), 200, { refresh: "0; url=/" });
  });

  app.use(async (context, next) => {
    if (sessions.isOpen(getCookie(context, COOKIE) ?? "")) return next();
    deleteCookie(context, COOKIE);
    if (context.req.path.startsWith("/api/")) return problemAnswer(401, "No session");
    const text =
      "Open the link that `tools/pantheros centre` printed. Press Enter in its terminal for a new one.";
    return context.html(messagePage(assets, "No session", text), 401);
  });

  const openedPage = () => messagePage(assets, "Signed in", "The page of the fleet follows.");

  app.get("/", (context) => {
    collector.refreshIfStale();
    const filter = filterOf(context.req.query("q"), context.req.query("state"));
    return context.html(fleetPage(collector.snapshot, filter, assets, now()));
  });
  app.get("/hosts/:name", (context) => {
    collector.refreshIfStale();
    const page = hostPage(collector.snapshot, context.req.param("name"), assets, now());
    return page === undefined ? context.notFound() : context.html(page);
  });
  app.get("/live", (context) =>
    streamSSE(context, async (stream) => {
      const send = (revision: number) =>
        void stream.writeSSE({ event: "revision", data: String(revision) }).catch(() => stream.abort());
      const unsubscribe = collector.subscribe(send);
      stream.onAbort(unsubscribe);
      send(collector.snapshot.revision);
      while (!stream.aborted && !stream.closed) {
        await stream.sleep(KEEP_ALIVE_MS);
        await stream.write(": idle\n\n");
      }
    }),
  );
  app.route("/api/v1", createApi(collector));
  app.notFound((context) =>
    context.req.path.startsWith("/api/")
      ? problemAnswer(404, "No such address")
      : context.html(messagePage(assets, "Not found", "There is no such page, or no such host."), 404),
  );
  return app;
}
