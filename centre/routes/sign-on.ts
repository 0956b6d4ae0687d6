/** How a session begins: by a link, or at a provider. */
import type { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { SignOnRefused } from "../access/oidc.ts";
import { setSessionCookie, startSession } from "../access/request.ts";
import { SESSION_SECONDS } from "../access/sessions.ts";
import { messagePage } from "../pages/layout.ts";
import type { Services } from "../services.ts";

/** Ties a sign-on to the browser that began it. */
const BROWSER = "__Host-pantheros-sign-on";
const SIGN_ON_SECONDS = 600;

/** An address of this centre, without its origin; anything else becomes the first page. */
const ownPath = (path: string | undefined): string =>
  path !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : "/";

export function addSignOn(app: Hono, services: Services): void {
  const { sessions, assets, door } = services;
  const opened = () => messagePage(assets, "Signed in", "The page of the fleet follows.");

  if (door.kind === "link") {
    app.get("/session", (context) => {
      const token = sessions.open(context.req.query("link") ?? "");
      if (token === undefined) {
        const text = "It opens one session within five minutes. Press Enter in the terminal for a new one.";
        return context.html(messagePage(assets, "This link was used, or is too old", text), 403);
      }
      setSessionCookie(context, door, { token, seconds: SESSION_SECONDS });
      // A redirect would carry a Strict cookie only when the link was not followed from another site.
      return context.html(opened(), 200, { refresh: "0; url=/" });
    });
  }

  if (door.kind !== "oidc") return;
  const { signOn } = door;
  const refused = (error: unknown) => {
    if (!(error instanceof SignOnRefused)) throw error;
    return messagePage(assets, "Not signed in", error.message);
  };

  app.get("/sign-on", async (context) => {
    try {
      const { url, browser } = await signOn.begin(ownPath(context.req.query("next")));
      // Lax, because the provider's page leads back here.
      const options = { httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;
      setCookie(context, BROWSER, browser, { ...options, maxAge: SIGN_ON_SECONDS });
      return context.redirect(url, 303);
    } catch (error) {
      return context.html(refused(error), 503);
    }
  });

  app.get("/sign-on/callback", async (context) => {
    const browser = getCookie(context, BROWSER) ?? "";
    deleteCookie(context, BROWSER, { path: "/", secure: true });
    try {
      const signedOn = await signOn.end(new URL(context.req.url).search, browser);
      startSession(context, services, signedOn);
      return context.html(opened(), 200, { refresh: `0; url=${signedOn.next}` });
    } catch (error) {
      return context.html(refused(error), 403);
    }
  });
}
