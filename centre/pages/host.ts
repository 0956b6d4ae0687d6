/** The page of one host. */
import { html } from "hono/html";
import { oneLine, printable } from "../../lib/sanitize.ts";
import { type Budgets, hostBudgets } from "../../status/budgets.ts";
import { needsAttention, STATES, type State } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";
import { statusNotes } from "../../status/notes.ts";
import type { Snapshot } from "../collector.ts";
import { kernelTexts, rebootReason } from "../view/kernel.ts";
import { isWeb } from "../view/web-address.ts";
import { budgetTable } from "./budgets.ts";
import { type Assets, ageText, field, type Html, page, problemBox, shape, stateBadge } from "./layout.ts";
import { whySection } from "./why.ts";

/** Zero or one value, for `field`. */
const optional = (value: string | undefined): readonly string[] =>
  value === undefined ? [] : [oneLine(value)];

function deployedText({ deployed }: HostDetail, now: number): Html[] {
  if (deployed === undefined) return [];
  const { at, by, commit, dirty } = deployed;
  const from =
    commit === undefined
      ? ""
      : ` from ${oneLine(commit, 100).slice(0, 12)}${dirty ? ", with uncommitted changes" : ""}`;
  return [html`${ageText(at, now)}${by === undefined ? "" : ` by ${oneLine(by)}`}${from}`];
}

function systems({ status, deployed }: HostDetail): Html {
  const paths: readonly (readonly [string, string | undefined])[] = [
    ["Runs", status.running],
    ["Wanted", status.wanted === status.running ? undefined : status.wanted],
    ["Boots next", status.boots === status.running ? undefined : status.boots],
    ["Pinned to", status.pinned],
    ["Committed before", deployed?.previous],
  ];
  return html`${paths.map(([label, path]) => field(label, path === undefined ? [] : [html`<code>${oneLine(path)}</code>`]))}`;
}

const health = ({ health: checks }: HostDetail): Html =>
  checks.length === 0
    ? html`<p>The last deploy checked nothing, or there was none.</p>`
    : html`<table><thead><tr><th scope="col">Check</th><th scope="col">Result</th><th scope="col">Detail</th></tr></thead>
<tbody>${checks.map(
        ({ name, ok, detail }) =>
          html`<tr><th scope="row">${oneLine(name)}</th><td data-label="Result">${stateBadge(ok ? "ok" : "failed", !ok)}</td><td data-label="Detail">${oneLine(detail ?? "")}</td></tr>`,
      )}</tbody></table>`;

const units = ({ status }: HostDetail): Html =>
  status.failedUnits === undefined
    ? html``
    : html`<section><h2>Failed units</h2><ul>${status.failedUnits.map((unit) => html`<li><code>${oneLine(unit)}</code></li>`)}</ul></section>`;

const reason = (detail: HostDetail): Html =>
  detail.reason === undefined
    ? html``
    : html`<section><h2>Why the last deploy is not confirmed</h2><pre>${printable(detail.reason)}</pre></section>`;

function reach({ services, names }: HostDetail): Html {
  if (services.length + names.length === 0) return html``;
  return html`<section><h2>Services and names</h2><dl>
${services.map(({ name, url, public: isPublic }) =>
  field(`${oneLine(name)}${isPublic ? "" : " (tailnet)"}`, [
    isWeb(url) ? html`<a href="${url}" rel="noreferrer">${url}</a>` : html`${oneLine(url)}`,
  ]),
)}
${names.map(({ name, type, content }) => field(oneLine(`${name} ${type}`), [html`<code>${oneLine(content)}</code>`]))}
</dl></section>`;
}

/** For a host without notes. */
function quietText(state: State): string {
  if (state === "ok") return "Nothing to do.";
  const meaning = STATES.find(([name]) => name === state)?.[1] ?? "";
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}

/** The state in a sentence, and how old that is. */
function summary({ status }: HostDetail, at: string, now: number): Html {
  const notes = statusNotes(status);
  const attention = needsAttention(status);
  const kind = attention ? "bad" : status.state === "ok" ? "good" : "note";
  const when =
    status.reachable === true
      ? ageText(at, now, "The host answered ")
      : html`<span class="age">What follows is as of the last run; the host ${status.reachable === false ? "did not answer" : "was not asked"}.</span>`;
  return html`<p class="summary ${kind}">${shape(status.state)}${oneLine(notes, 400) || quietText(status.state)}${when}</p>`;
}

const confirmedText = ({ status }: HostDetail): string[] =>
  status.confirmed === undefined
    ? []
    : [status.confirmed ? "the running system is confirmed" : "the running system is not the confirmed one"];

/** How long the last deploy took beside the limits of the inventory. */
function limits(detail: HostDetail, budgets: Budgets | undefined): Html {
  const lines = hostBudgets(budgets, detail).filter(({ measured }) => measured !== undefined);
  return lines.length === 0
    ? html``
    : html`<section><h2>Time of the last deploy</h2>${budgetTable(lines, "From the start of the activation to the confirmation")}</section>`;
}

export interface HostPageArgs {
  readonly assets: Assets;
  readonly now: number;
  /** Its deploys so far: pages/deploys.ts. */
  readonly deploys: Html;
}

/** @param name the host's; undefined is returned when the fleet has no such host. */
export function hostPage(
  { fleet, problem, revision, acts }: Snapshot & { readonly acts?: (detail: HostDetail) => Html },
  name: string,
  { assets, now, deploys }: HostPageArgs,
): Html | undefined {
  const detail = fleet?.details.find(({ status }) => status.name === name);
  if (fleet === undefined || detail === undefined) return undefined;
  const { status, addresses, reachability, tags, environment } = detail;
  return page(
    { assets, title: name, stack: fleet.status.stack, revision },
    html`<p><a href="/">Fleet</a></p>
<h1>${name} ${stateBadge(status.state, needsAttention(status))}</h1>
${problemBox(problem)}
${summary(detail, fleet.status.at, now)}
${whySection(fleet, name)}
${reason(detail)}
${units(detail)}
${acts?.(detail) ?? ""}
<div class="cards">
<section><h2>System</h2><dl>
${systems(detail)}
${field("Confirmed", confirmedText(detail))}
${field("Generation", optional(status.generation?.toString()))}
${field("Kernel", kernelTexts(detail))}
${field("Reboot", status.needsReboot ? [`needed${rebootReason(detail) === undefined ? "" : `: ${rebootReason(detail)}`}`] : [])}
</dl></section>
<section><h2>Deploys</h2><dl>
${field("Last deploy", optional(status.outcome))}
${field("Committed", deployedText(detail, now))}
${field("Supervisor", optional(detail.phase))}
</dl></section>
${limits(detail, fleet.budgets)}
<section><h2>Health checks of the last deploy</h2>${health(detail)}</section>
${reach(detail)}
<section><h2>Place</h2><dl>
${field("Environment", [environment])}
${field("Wave", [String(status.wave)])}
${field("Reachability", [reachability])}
${field(
  "Tags",
  tags.map((tag) => `@${tag}`),
)}
${field("Addresses", Object.values(addresses).flatMap(optional))}
</dl></section>
</div>
${deploys}`,
  );
}
