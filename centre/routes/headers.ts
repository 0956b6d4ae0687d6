/** What every answer has: the headers that confine a page, and the check of Host. */
import type { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Services } from "../services.ts";

export function addHeaders(app: Hono, { hosts }: Services): void {
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
}
