/** The page of tokens. What is done there is in the audit log, like every act. */
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import { CAPABILITY_NAMES } from "../../inventory/capabilities.ts";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { forbidden, formProblem } from "../access/request.ts";
import { messagePage } from "../pages/layout.ts";
import { tokensPage } from "../pages/tokens.ts";
import type { Services } from "../services.ts";
import { actingIdentity, readForm } from "./acts.ts";

const MAX_NAME = 63;

export function addTokenPages(app: Hono, services: Services): void {
  const { tokens, audit, assets, guard, now } = services;

  const show = (context: Context, more: { readonly secret?: string; readonly problem?: string } = {}) => {
    const session = context.get("session");
    if (session === undefined) return context.notFound();
    return context.html(tokensPage({ tokens: tokens.list(), session, guard, ...more }, assets, now()));
  };

  /** Checks a form of this page, writes the audit log before and after, and shows the page. */
  async function change(
    context: Context,
    object: (form: Readonly<Record<string, string>>) => string,
    work: (
      form: Readonly<Record<string, string>>,
      by: NonNullable<Awaited<ReturnType<typeof actingIdentity>>>,
    ) => string | undefined,
  ): Promise<Response> {
    const form = await readForm(context);
    const refused =
      form === undefined ? "This is not one of this centre's forms." : formProblem(context, form);
    if (form === undefined || refused !== undefined)
      return context.html(messagePage(assets, "The form does not count", refused ?? ""), 403);
    const by = await actingIdentity(context);
    if (by === undefined || !guard(by, "token.manage")) return forbidden(context, services, "token.manage");
    const entry = {
      act: randomUUID(),
      who: by.who,
      door: by.door,
      role: by.role,
      capability: "token.manage",
      object: object(form),
      reason: "",
    };
    try {
      audit.append({ ...entry, result: "begun", detail: "" });
    } catch (error) {
      return show(context, {
        problem: `The audit log cannot be written, so nothing was done: ${messageOf(error)}`,
      });
    }
    let secret: string | undefined;
    let problem: string | undefined;
    try {
      secret = work(form, by);
    } catch (error) {
      problem = oneLine(messageOf(error));
    }
    try {
      audit.append({ ...entry, result: problem === undefined ? "done" : "failed", detail: problem ?? "" });
    } catch (error) {
      problem = `It was done, but the audit log could not be written: ${messageOf(error)}`;
    }
    return show(context, {
      ...(secret !== undefined && { secret }),
      ...(problem !== undefined && { problem }),
    });
  }

  app.get("/tokens", (context) =>
    guard(context.get("identity"), "token.manage")
      ? show(context)
      : forbidden(context, services, "token.manage"),
  );

  app.post("/tokens", (context) =>
    change(
      context,
      ({ name = "" }) => `token ${oneLine(name, MAX_NAME)}`,
      (form, by) => {
        const name = oneLine(form["name"] ?? "", MAX_NAME);
        if (name === "") throw new Error("a token needs a name");
        const capabilities = CAPABILITY_NAMES.filter((each) => form[`can.${each}`] === "yes");
        return tokens.make({ name, capabilities, days: Number(form["days"]) }, by).secret;
      },
    ),
  );

  app.post("/tokens/:id/revoke", (context) => {
    const id = context.req.param("id");
    const name = tokens.list().find((token) => token.id === id)?.name ?? id;
    return change(
      context,
      () => `token ${oneLine(name, MAX_NAME)}, revoked`,
      () => {
        if (!tokens.revoke(id)) throw new Error("there is no such token, or it was revoked before");
        return undefined;
      },
    );
  });
}
