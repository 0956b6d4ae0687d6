/** Whom a request is from, and whether it may do what it asks for. */
import type { Context } from "hono";
import { setCookie } from "hono/cookie";
import { html } from "hono/html";
import type { Capability } from "../../inventory/capabilities.ts";
import { problemAnswer } from "../api/problem.ts";
import { messagePage } from "../pages/layout.ts";
import type { Services } from "../services.ts";
import type { Door } from "./door.ts";
import type { Identity } from "./identity.ts";
import type { Session } from "./sessions.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Set by the guard of sessions, for every later route. */
    identity: Identity;
    /** Undefined when a token of the API identifies the request. */
    session: Session | undefined;
  }
}

const isApi = (context: Context): boolean => context.req.path.startsWith("/api/");

/** Answers that a role may not do something, as a page or as a problem document. */
export function forbidden(
  context: Context,
  { assets }: Pick<Services, "assets">,
  capability: Capability,
): Response | Promise<Response> {
  const detail = `The role ${context.get("identity").role} has not the capability ${capability}.`;
  if (isApi(context)) return problemAnswer(403, "Not allowed", detail);
  return context.html(messagePage(assets, "Not allowed", detail), 403);
}

/** Browsers accept the prefix `__Host-` over HTTPS only, and the link's door is loopback without it. */
export const cookieName = ({ kind }: Door): string =>
  kind === "link" ? "pantheros-centre" : "__Host-pantheros-centre";

export function setSessionCookie(
  context: Context,
  door: Door,
  { token, seconds }: { readonly token: string; readonly seconds: number },
): void {
  const isLoopback = door.kind === "link";
  setCookie(context, cookieName(door), token, {
    httpOnly: true,
    // A page of the provider, of another site, leads to a page that needs the cookie.
    sameSite: isLoopback ? "Strict" : "Lax",
    path: "/",
    maxAge: seconds,
    ...(!isLoopback && { secure: true }),
  });
}

export interface NewSession {
  readonly identity: Identity;
  readonly seconds: number;
  readonly renew?: Session["renew"];
}

/** Starts a session and gives the browser its cookie. */
export function startSession(
  context: Context,
  { sessions, door }: Pick<Services, "sessions" | "door">,
  { identity, seconds, renew }: NewSession,
): Session | undefined {
  const token = sessions.start(identity, seconds, renew);
  setSessionCookie(context, door, { token, seconds });
  return sessions.find(token);
}

/** The field that carries a session's token in forms. */
const FORM_TOKEN = "form";

export const formToken = ({ formToken: token }: Session) =>
  html`<input type="hidden" name="${FORM_TOKEN}" value="${token}">`;

/**
 * Why a form does not count, as a sentence; undefined: it was sent from a page of this session. Browsers send Origin or
 * Sec-Fetch-Site with every POST. From pages without a referrer, as these are, Origin is `null`.
 */
export function formProblem(context: Context, form: Readonly<Record<string, unknown>>): string | undefined {
  const session = context.get("session");
  if (session === undefined) return "A form needs a session; the API takes a token.";
  const origin = context.req.header("origin");
  const site = context.req.header("sec-fetch-site");
  if (!isSameOrigin(origin, site, context.req.header("host")))
    return "The form is not of a page of this centre.";
  if (form[FORM_TOKEN] !== session.formToken) return "The form is of another session. Open its page again.";
  return undefined;
}

function isSameOrigin(
  origin: string | undefined,
  site: string | undefined,
  host: string | undefined,
): boolean {
  if (site !== undefined && site !== "same-origin") return false;
  // Only Sec-Fetch-Site tells a page without a referrer from the frame of another site.
  if (origin === undefined || origin === "null") return site !== undefined;
  return hostOf(origin) === host;
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
