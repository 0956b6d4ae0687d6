/** The guard that every later route is behind: whose request it is, and whether they may see the fleet. */
import type { Context, Hono } from "hono";
import { deleteCookie, getCookie } from "hono/cookie";
import { cookieName, forbidden, startSession } from "../access/request.ts";
import { SESSION_SECONDS } from "../access/sessions.ts";
import { tailscaleIdentity } from "../access/tailscale.ts";
import { problemAnswer } from "../api/problem.ts";
import { messagePage } from "../pages/layout.ts";
import type { Services } from "../services.ts";

const isApi = (context: Context): boolean => context.req.path.startsWith("/api/");

export function addSession(app: Hono, services: Services): void {
  const { sessions, tokens, door, assets } = services;

  /** Sets whose request it is; false when that is unknown. */
  async function identify(context: Context): Promise<boolean> {
    const [, bearer] = /^Bearer (\S+)$/i.exec(context.req.header("authorization") ?? "") ?? [];
    if (bearer !== undefined) {
      // A token is for programs; a page never takes one, and a cookie is none.
      const identity = isApi(context) ? tokens.find(bearer) : undefined;
      if (identity === undefined) return false;
      context.set("identity", identity);
      return true;
    }
    const session = sessions.find(getCookie(context, cookieName(door)) ?? "");
    if (door.kind === "tailscale") {
      const identity = await tailscaleIdentity((name) => context.req.header(name), door.people, door.whoIs);
      if (identity === undefined) return false;
      // The headers of each request decide; the session only carries the token of forms.
      const isSame = session?.identity.who === identity.who;
      const own = isSame ? session : startSession(context, services, { identity, seconds: SESSION_SECONDS });
      context.set("identity", identity);
      context.set("session", own && { ...own, identity });
      return true;
    }
    if (session === undefined) return false;
    context.set("identity", session.identity);
    context.set("session", session);
    return true;
  }

  function unknown(context: Context): Response | Promise<Response> {
    if (isApi(context)) return problemAnswer(401, "No session and no valid token");
    deleteCookie(context, cookieName(door), { path: "/", secure: door.kind !== "link" });
    if (door.kind === "oidc") {
      const address = `/sign-on?next=${encodeURIComponent(context.req.method === "GET" ? context.req.path : "/")}`;
      const page = messagePage(assets, "Signing in", "The provider's page follows.");
      return context.html(page, 401, { refresh: `0; url=${address}` });
    }
    const text =
      door.kind === "tailscale"
        ? "Your Tailscale login is not the e-mail address of a user of the inventory, or this device is tagged."
        : "Open the link that `tools/pantheros centre` printed. Press Enter in its terminal for a new one.";
    return context.html(messagePage(assets, "No session", text), 401);
  }

  app.use(async (context, next) => {
    if (!(await identify(context))) return unknown(context);
    // A token that may only report runs sees nothing.
    const isReport = context.get("identity").door === "token" && context.req.method === "POST";
    if (!isReport && !services.guard(context.get("identity"), "status.read"))
      return forbidden(context, services, "status.read");
    return next();
  });
}
