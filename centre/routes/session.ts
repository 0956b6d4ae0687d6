/** The link that opens a session, and the guard that every later route is behind. */
import type { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { SESSION_SECONDS } from "../access/sessions.ts";
import { problemAnswer } from "../api/problem.ts";
import { messagePage } from "../pages/layout.ts";
import type { Services } from "../services.ts";

/** Without the prefix `__Host-`, which browsers accept over HTTPS only. */
const COOKIE = "pantheros-centre";

export function addSession(app: Hono, { sessions, assets }: Services): void {
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
}
