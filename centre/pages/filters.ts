/** The search and the states above a list of hosts. Both are in the address, so that a view can be kept. */
import { html } from "hono/html";
import { type HostStatus, needsAttention, stateCounts } from "../../status/classify.ts";
import { type Filter, queryOf } from "../view/filter.ts";
import { type Html, shape } from "./layout.ts";

function chips(action: string, hosts: readonly HostStatus[], filter: Filter): Html {
  const attention = new Set(hosts.filter(needsAttention).map(({ state }) => state));
  const chip = (state: Filter["state"], label: Html | string, kind = "") => {
    const query = queryOf({ ...filter, state });
    const current = state === filter.state ? html` aria-current="true"` : "";
    return html`<a href="${action}${query}"${kind === "" ? "" : html` class="${kind}"`}${current}>${label}</a>`;
  };
  return html`<nav class="chips" aria-label="States">${chip(undefined, `all ${hosts.length}`)}${stateCounts(
    hosts,
  ).map(({ state, count }) =>
    chip(
      state,
      html`${shape(state)}${state} ${count}`,
      attention.has(state) ? "bad" : state === "ok" ? "good" : "note",
    ),
  )}</nav>`;
}

/** @param action address of the page that the filter is for */
export const filters = (
  action: string,
  hosts: readonly HostStatus[],
  filter: Filter,
): Html => html`<div class="filters">
<form method="get" action="${action}" role="search" class="filters">
<label>Search <input type="search" name="q" value="${filter.q}" autocomplete="off" placeholder="web @server @wave2"></label>
${filter.state === undefined ? "" : html`<input type="hidden" name="state" value="${filter.state}">`}
<button>Show</button>
</form>
${chips(action, hosts, filter)}
</div>`;

/** Below a filter that no host passes. */
export const nothingFound = (action: string): Html =>
  html`<p>No host matches. <a href="${action}">Show all</a></p>`;
