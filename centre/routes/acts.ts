/** Acts: their forms, their start, and their progress. */
import type { Context, Hono } from "hono";
import * as z from "zod";
import { messageOf } from "../../lib/message-of.ts";
import type { Identity } from "../access/identity.ts";
import { forbidden, formProblem } from "../access/request.ts";
import type { Difference } from "../acts/actor.ts";
import { ACT_NAMES, type ActName, actRequest, meaningOf } from "../acts/acts.ts";
import { ActRefused } from "../acts/runner.ts";
import { issuesOf } from "../api/problem.ts";
import { actFormPage, actPage, journalPage, pastActPage, type Target } from "../pages/acts.ts";
import { messagePage } from "../pages/layout.ts";
import type { Services } from "../services.ts";

/** A form of a few short fields; anything longer is none of ours. */
const MAX_FORM_BYTES = 16 * 1024;

const target = z.object({
  act: z.enum(ACT_NAMES),
  host: z.string().max(63).optional(),
  wave: z.coerce.number().int().optional(),
  unit: z.string().max(255).optional(),
});

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/**
 * Whose act it is, asked again: a session of a provider is renewed, so that a revoked right counts at once.
 * Undefined: they may no longer act.
 */
export async function actingIdentity(context: Context): Promise<Identity | undefined> {
  const session = context.get("session");
  if (session?.renew === undefined) return context.get("identity");
  return session.renew();
}

/** Fields of a small form; undefined when it is none. */
export async function readForm(context: Context): Promise<Readonly<Record<string, string>> | undefined> {
  const length = Number(context.req.header("content-length"));
  if (!(length <= MAX_FORM_BYTES)) return undefined;
  if (!/^application\/x-www-form-urlencoded/.test(context.req.header("content-type") ?? "")) return undefined;
  const entries = [...new URLSearchParams(await context.req.text())];
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

export function addActPages(app: Hono, services: Services): void {
  const { acts, assets, collector, now } = services;
  const known = (host: string | undefined) =>
    host === undefined || collector.snapshot.fleet?.status.hosts.some(({ name }) => name === host) === true;

  /** Of a rollback, what going back would change. */
  async function differencesOf(
    act: ActName,
    { host, wave }: Target,
  ): Promise<readonly Difference[] | undefined> {
    if (act !== "rollback.host" && act !== "rollback.wave") return undefined;
    const fleet = collector.snapshot.fleet?.status.hosts ?? [];
    const hosts =
      host === undefined ? fleet.filter((each) => each.wave === wave).map(({ name }) => name) : [host];
    try {
      return await acts.actor.differences(hosts);
    } catch (error) {
      const problem = messageOf(error);
      return hosts.map((name) => ({ host: name, from: undefined, to: undefined, lines: undefined, problem }));
    }
  }

  app.get("/acts/new", async (context) => {
    const asked = target.safeParse(context.req.query());
    const session = context.get("session");
    if (!asked.success || session === undefined || !known(asked.data.host)) return context.notFound();
    const { act, ...of } = asked.data;
    if (!services.guard(session.identity, act)) return forbidden(context, services, act);
    // The same checks as of the act itself, with a reason that is still to be written.
    const checked = actRequest.safeParse({ act, ...of, reason: "-" });
    const unavailable = acts.actor.unavailable(act, session.identity.role);
    const problem = checked.success ? unavailable : issuesOf(checked.error);
    const differences = problem === undefined ? await differencesOf(act, of) : undefined;
    const form = { act, target: of, session, differences, ...(problem !== undefined && { problem }) };
    return context.html(actFormPage(form, assets), problem === undefined ? 200 : 422);
  });

  app.post("/acts", async (context) => {
    const form = await readForm(context);
    const session = context.get("session");
    const refused =
      form === undefined ? "This is not one of this centre's forms." : formProblem(context, form);
    if (form === undefined || session === undefined || refused !== undefined)
      return context.html(messagePage(assets, "The form does not count", refused ?? ""), 403);
    const { form: _, sure, ...fields } = form;
    const request = actRequest.safeParse(fields);
    if (!request.success) {
      const read = target.safeParse(fields);
      if (!read.success)
        return context.html(messagePage(assets, "Unknown act", issuesOf(request.error)), 422);
      const { act, ...of } = read.data;
      const again = {
        act,
        target: of,
        session,
        problem: issuesOf(request.error),
        reason: fields["reason"] ?? "",
      };
      return context.html(actFormPage({ ...again, differences: undefined }, assets), 422);
    }
    if (meaningOf(request.data.act).isDestructive && sure !== "yes") {
      const { act, reason, ...of } = request.data;
      const problem = "Tick that you have read what it does.";
      const again = { act, target: of, session, problem, reason, differences: await differencesOf(act, of) };
      return context.html(actFormPage(again, assets), 422);
    }
    const by = await actingIdentity(context);
    if (by === undefined)
      return context.html(messagePage(assets, "Sign in again", "Your rights could not be confirmed."), 403);
    try {
      const { id } = acts.begin(request.data, by);
      return context.redirect(`/acts/${id}`, 303);
    } catch (error) {
      if (!(error instanceof ActRefused)) throw error;
      return context.html(messagePage(assets, "Not done", sentence(error.message)), error.status);
    }
  });

  app.get("/acts/:id", (context) => {
    const id = context.req.param("id");
    const act = acts.get(id);
    if (act === undefined) {
      const past = services.guard(context.get("identity"), "audit.read")
        ? pastActPage(services.audit.ofAct(id), assets)
        : undefined;
      return past === undefined ? context.notFound() : context.html(past);
    }
    const headers: Record<string, string> = act.result === undefined ? { refresh: "2" } : {};
    return context.html(actPage(act, assets, now()), 200, headers);
  });

  app.get("/hosts/:name/journal", async (context) => {
    const identity = context.get("identity");
    if (!services.guard(identity, "log.read")) return forbidden(context, services, "log.read");
    const host = context.req.param("name");
    const unit = actRequest.shape.unit.unwrap().safeParse(context.req.query("unit"));
    if (!known(host)) return context.notFound();
    if (!unit.success)
      return context.html(
        journalPage({ host, unit: "?", text: undefined, problem: "not the name of a unit" }, assets),
        422,
      );
    try {
      const text = await acts.actor.journal(host, unit.data, identity);
      return context.html(journalPage({ host, unit: unit.data, text }, assets));
    } catch (error) {
      const problem = messageOf(error);
      return context.html(journalPage({ host, unit: unit.data, text: undefined, problem }, assets), 502);
    }
  });
}
