/** The page of the fleet: a line for each host, the worst first. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import { shortHash } from "../../lib/store-path.ts";
import { type HostStatus, needsAttention, stateCounts } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";
import { statusNotes } from "../../status/notes.ts";
import type { Snapshot } from "../collector.ts";
import { age } from "../view/age.ts";
import { type Filter, filtered } from "../view/filter.ts";
import { type Assets, type Html, page, problemBox, stateBadge } from "./layout.ts";

/** Whether a cell is the host's own answer, or what the last run wrote. */
const source = ({ reachable }: HostStatus, at: string, now: number): string =>
  reachable === true ? `asked ${age(at, now)}` : "as of the last run";

function row({ status, deployed }: HostDetail, at: string, now: number): Html {
  const { name, wave, outcome, running, generation } = status;
  return html`<tr id="host-${name}">
<th scope="row"><a href="/hosts/${name}">${name}</a></th>
<td data-label="State">${stateBadge(status.state, needsAttention(status))}</td>
<td data-label="Wave">${wave}</td>
<td data-label="Runs">${running === undefined ? "–" : html`<code title="${oneLine(running)}">${shortHash(running)}</code>`}${
    generation === undefined ? "" : html` <span class="dim">generation ${generation}</span>`
  }</td>
<td data-label="Last deploy">${outcome ?? "–"}${
    deployed === undefined ? "" : html` <span class="dim">${age(deployed.at, now)}</span>`
  }</td>
<td data-label="Notes">${oneLine(statusNotes(status), 400)}</td>
<td data-label="Known" class="dim">${source(status, at, now)}</td>
</tr>`;
}

function filters(hosts: readonly HostStatus[], { q, state }: Filter): Html {
  const counts = stateCounts(hosts);
  return html`<form method="get" action="/" role="search" class="filters">
<label>Search <input type="search" name="q" value="${q}" autocomplete="off"></label>
<label>State <select name="state"><option value="">all (${hosts.length})</option>${counts.map(
    (each) =>
      html`<option value="${each.state}"${each.state === state ? html` selected` : ""}>${each.state} (${each.count})</option>`,
  )}</select></label>
<button>Show</button>
</form>`;
}

function summary(hosts: readonly HostStatus[]): string {
  const bad = hosts.filter(needsAttention).length;
  if (hosts.length === 0) return "The stack has no host.";
  return bad === 0
    ? `No host of ${hosts.length} needs attention.`
    : `${bad} of ${hosts.length} hosts need attention.`;
}

export function fleetPage(
  { fleet, problem, revision }: Snapshot,
  filter: Filter,
  assets: Assets,
  now: number,
): Html {
  if (fleet === undefined) {
    const wait =
      problem === undefined
        ? html`<p>The state of the fleet is being read. This page shows it soon.</p>`
        : "";
    return page({ assets, title: "Fleet", revision }, html`<h1>Fleet</h1>${problemBox(problem)}${wait}`);
  }
  const { status, details } = fleet;
  const shown = filtered(details, filter);
  return page(
    { assets, title: "Fleet", stack: status.stack, revision },
    html`<h1>Fleet</h1>
${problemBox(problem)}
<p class="summary">${summary(status.hosts)}</p>
${filters(status.hosts, filter)}
<table>
<caption>${shown.length === details.length ? `${details.length} hosts` : `${shown.length} of ${details.length} hosts`} of ${status.environment}, the worst first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Wave</th><th scope="col">Runs</th><th scope="col">Last deploy</th><th scope="col">Notes</th><th scope="col">Known</th></tr></thead>
<tbody>${shown.map((each) => row(each, status.at, now))}</tbody>
</table>
${shown.length === 0 ? html`<p>No host matches. <a href="/">Show all</a></p>` : ""}`,
  );
}
