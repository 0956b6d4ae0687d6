/** The audit log, the newest first. */
import { html } from "hono/html";
import { firstNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { AuditRecord, Verdict } from "../audit/chain.ts";
import { age } from "../view/age.ts";
import { type Assets, type Html, page, stateBadge } from "./layout.ts";

export interface AuditPage {
  readonly records: readonly AuditRecord[];
  readonly verdict: Verdict;
  /** Number of the record before which the next page begins; undefined: this is the last page. */
  readonly next: number | undefined;
}

const resultBadge = (result: AuditRecord["result"]): Html =>
  stateBadge(result === "done" ? "ok" : result, result !== "done" && result !== "begun");

const row = (record: AuditRecord, now: number): Html => html`<tr>
<th scope="row">${record.seq}</th>
<td data-label="When"><time datetime="${record.at}" title="${record.at}">${age(record.at, now)}</time></td>
<td data-label="Who">${oneLine(record.who)} <span class="dim">${record.role}, by ${record.door}</span></td>
<td data-label="What">${record.capability} <span class="dim">${oneLine(record.object)}</span></td>
<td data-label="Reason">${oneLine(record.reason, 500)}</td>
<td data-label="Result">${resultBadge(record.result)} ${oneLine(record.detail, 500)}</td>
</tr>`;

const verdictText = ({ count, head, problems }: Verdict): Html => {
  if (problems.length > 0)
    return html`<div class="problem" role="alert"><h2>The log was changed</h2><p>${firstNames(problems)}.</p></div>`;
  if (head === undefined) return html`<p class="summary">Nothing was done yet.</p>`;
  return html`<p class="summary good">The chain of ${count} ${count === 1 ? "record" : "records"} is whole. <span class="age">last hash ${head.hash.slice(0, 16)}</span></p>`;
};

export function auditPage({ records, verdict, next }: AuditPage, assets: Assets, now: number): Html {
  return page(
    { assets, title: "Audit", section: "/audit" },
    html`<h1>Audit</h1>
${verdictText(verdict)}
${
  records.length === 0
    ? ""
    : html`<table>
<caption>What was asked for and what came of it, the newest first</caption>
<thead><tr><th scope="col">Number</th><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Reason</th><th scope="col">Result</th></tr></thead>
<tbody>${records.map((record) => row(record, now))}</tbody>
</table>`
}
<p><a href="/tokens">Tokens of the API</a></p>
${next === undefined ? "" : html`<p><a href="/audit?before=${next}">Older records</a></p>`}`,
  );
}
