/** Pages of acts: the form with what would change, the act while it runs, and the links on a host's page. */
import { html } from "hono/html";
import { oneLine, printable, shownPath } from "../../lib/sanitize.ts";
import type { HostDetail } from "../../status/detail.ts";
import type { Guard, Identity } from "../access/identity.ts";
import { formToken } from "../access/request.ts";
import type { Session } from "../access/sessions.ts";
import type { Actor, Difference } from "../acts/actor.ts";
import { ACT_NAMES, type ActName, type ActRequest, meaningOf, objectOf } from "../acts/acts.ts";
import type { Act } from "../acts/runner.ts";
import type { AuditRecord } from "../audit/chain.ts";
import { age } from "../view/age.ts";
import { type Assets, field, type Html, page, stateBadge } from "./layout.ts";

export type Target = Pick<ActRequest, "host" | "wave" | "unit">;

export interface ActForm {
  readonly act: ActName;
  readonly target: Target;
  readonly session: Session;
  /** Of a rollback; undefined for other acts. */
  readonly differences: readonly Difference[] | undefined;
  /** Why the form was not accepted. */
  readonly problem?: string;
  /** What was written before. */
  readonly reason?: string;
}

const differenceOf = ({ host, from, to, lines, problem }: Difference): Html =>
  html`<section><h2>${host}</h2>
${problem === undefined ? "" : html`<p>It cannot go back: ${oneLine(problem)}</p>`}
<dl>${field("Runs", from === undefined ? [] : [html`<code>${shownPath(from)}</code>`])}${field("Goes back to", to === undefined ? [] : [html`<code>${shownPath(to)}</code>`])}</dl>
${
  lines === undefined
    ? problem === undefined
      ? html`<p>This machine has not both closures, so their packages cannot be compared.</p>`
      : ""
    : html`<ul class="difference">${lines.map((line) => html`<li>${oneLine(line)}</li>`)}</ul>`
}</section>`;

/** The form of an act; it is sent to `/acts`. */
export function actFormPage({ act, target, session, ...form }: ActForm, assets: Assets): Html {
  const { title, isDestructive } = meaningOf(act);
  const object = objectOf(target);
  const hidden = Object.entries(target).filter(([, value]) => value !== undefined);
  return page(
    { assets, title },
    html`<h1>${title}: ${object}</h1>
${form.problem === undefined ? "" : html`<div class="problem" role="alert"><p>${form.problem}</p></div>`}
${form.differences?.map(differenceOf) ?? ""}
<form method="post" action="/acts" class="act">
${formToken(session)}<input type="hidden" name="act" value="${act}">
${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<p><label>Reason, for the audit log <input type="text" name="reason" required maxlength="500" autocomplete="off" value="${form.reason ?? ""}"></label></p>
${isDestructive ? html`<p><label class="tick"><input type="checkbox" name="sure" value="yes" required> ${consequence(act, object)}</label></p>` : ""}
<p><button${isDestructive ? html` class="danger"` : ""}>${title}</button> <a href="${target.host === undefined ? "/" : `/hosts/${encodeURIComponent(target.host)}`}">Leave it</a></p>
</form>`,
  );
}

function consequence(act: ActName, object: string): string {
  if (act === "run.up") return "The whole stack is deployed without a preview first.";
  return `${object.charAt(0).toUpperCase()}${object.slice(1)} goes back to the system before, and stays there until the pin is released.`;
}

/** One act. While it runs the page is loaded again every two seconds, without a script too. */
export const actPage = (act: Act, assets: Assets, now: number): Html =>
  page(
    { assets, title: meaningOf(act.request.act).title },
    html`<h1>${meaningOf(act.request.act).title}: ${objectOf(act.request)} ${actBadge(act)}</h1>
<dl>${field("Asked for by", [`${oneLine(act.by.who)} as ${act.by.role}`])}${field("Reason", [oneLine(act.request.reason, 500)])}${field("Begun", [age(new Date(act.begun).toISOString(), now)])}${field("Result", act.result === undefined ? [] : [oneLine(act.result.detail, 2000)])}</dl>
${act.lines.length === 0 ? "" : html`<section><h2>Progress</h2><pre>${printable(act.lines.join("\n"))}</pre></section>`}
<p>${act.request.host === undefined ? html`<a href="/">The fleet</a>` : html`<a href="/hosts/${encodeURIComponent(act.request.host)}">The host ${act.request.host}</a>`}</p>`,
  );

/** An act that ended before this centre was started, as the audit log has it. */
export const pastActPage = (records: readonly AuditRecord[], assets: Assets): Html | undefined => {
  const last = records.at(-1);
  if (last === undefined) return undefined;
  const { capability, object, who, role, reason, result, detail } = last;
  return page(
    { assets, title: object },
    html`<h1>${capability}: ${oneLine(object)} ${stateBadge(result === "done" ? "ok" : result, result !== "done")}</h1>
<dl>${field("Asked for by", [`${oneLine(who)} as ${role}`])}${field("Reason", [oneLine(reason, 500)])}${field("Result", [oneLine(detail, 2000)])}</dl>
<p><a href="/audit">The audit log</a></p>`,
  );
};

const actBadge = ({ result }: Act): Html =>
  result === undefined ? stateBadge("running", false) : stateBadge(result.ok ? "ok" : "failed", !result.ok);

const formAddress = (act: ActName, target: Target): string => {
  const query = new URLSearchParams({ act });
  for (const [key, value] of Object.entries(target)) if (value !== undefined) query.set(key, String(value));
  return `/acts/new?${query.toString()}`;
};

export interface Acting {
  readonly identity: Identity;
  readonly guard: Guard;
  readonly actor: Actor;
  /** Acts that run now. */
  readonly running: readonly Act[];
}

/** Whether to offer an act: the role has it, and it can be done here. */
const isOffered = ({ identity, guard, actor }: Acting, act: ActName): boolean =>
  guard(identity, act) && actor.unavailable(act, identity.role) === undefined;

/** What this person can do with a host; nothing when there is nothing. */
export function hostActs({ status, phase }: HostDetail, acting: Acting): Html {
  const { name: host, wave } = status;
  const links: (readonly [act: ActName, target: Target, text: string])[] = [];
  const offer = (act: ActName, target: Target, text: string = meaningOf(act).title) => {
    if (isOffered(acting, act)) links.push([act, target, text]);
  };
  if (status.pinned === undefined) offer("rollback.host", { host });
  else offer("rollback.release", { host });
  offer("rollback.wave", { wave }, `Roll back and pin wave ${wave}`);
  if (phase === "waiting") offer("deploy.confirm", { host });
  const restart = isOffered(acting, "service.restart");
  const journal = acting.guard(acting.identity, "log.read");
  const running = acting.running.filter(({ request }) => request.host === host || request.wave === wave);
  if (links.length === 0 && !restart && !journal && running.length === 0) return html``;
  const failed = status.failedUnits ?? [];
  return html`<section class="acts"><h2>Acts</h2>
${running.map((act) => html`<p>${stateBadge("running", false)} <a href="/acts/${act.id}">${meaningOf(act.request.act).title}: ${objectOf(act.request)}</a> <span class="dim">by ${oneLine(act.by.who)}</span></p>`)}
${links.length === 0 ? "" : html`<ul>${links.map(([act, target, text]) => html`<li><a href="${formAddress(act, target)}">${text}</a></li>`)}</ul>`}
${
  restart
    ? html`<form method="get" action="/acts/new"><input type="hidden" name="act" value="service.restart"><input type="hidden" name="host" value="${host}">
<label>Restart a unit <input type="text" name="unit" required maxlength="255" autocomplete="off" placeholder="name.service" value="${oneLine(failed[0] ?? "")}"></label> <button>Continue</button></form>`
    : ""
}
${
  journal
    ? html`<form method="get" action="/hosts/${encodeURIComponent(host)}/journal">
<label>Journal of a unit <input type="text" name="unit" required maxlength="255" autocomplete="off" placeholder="name.service" value="${oneLine(failed[0] ?? "")}"></label> <button>Show</button></form>`
    : ""
}</section>`;
}

/** What this person can do with the whole stack. */
export function fleetActs(acting: Acting): Html {
  const acts = ACT_NAMES.filter((act) => meaningOf(act).needs.length === 0 && isOffered(acting, act));
  if (acts.length === 0) return html``;
  return html`<p class="acts">${acts.map((act) => html`<a href="${formAddress(act, {})}">${meaningOf(act).title}</a> `)}</p>`;
}

export interface JournalPage {
  readonly host: string;
  readonly unit: string;
  readonly text: string | undefined;
  /** Why there is no text. */
  readonly problem?: string;
}

/** The journal of a unit, as text. */
export const journalPage = ({ host, unit, text, problem }: JournalPage, assets: Assets): Html =>
  page(
    { assets, title: `${unit} on ${host}` },
    html`<h1>${unit} on ${host}</h1>
${problem === undefined ? "" : html`<div class="problem" role="alert"><p>${oneLine(problem, 1000)}</p></div>`}
${text === undefined ? "" : text.trim() === "" ? html`<p>The journal has no entry of this unit.</p>` : html`<pre tabindex="0">${printable(text)}</pre>`}
<p><a href="/hosts/${encodeURIComponent(host)}">The host ${host}</a></p>`,
  );
