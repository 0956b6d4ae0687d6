/** The deploys of one host, the newest first. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import { shortHash } from "../../lib/store-path.ts";
import type { HostDeploy } from "../runs/history.ts";
import { ageText, type Html } from "./layout.ts";
import { commitText, outcomeBadge } from "./runs.ts";

export interface DeploysArgs {
  readonly host: string;
  readonly deploys: readonly HostDeploy[];
  /** `before` of the next page. */
  readonly next?: string | undefined;
  readonly now: number;
}

/** The reason in one line; the run's page has all of it. */
const why = ({ step, reason }: HostDeploy): string =>
  [step === undefined ? "" : `at ${step}`, reason === undefined ? "" : oneLine(reason, 200)]
    .filter(Boolean)
    .join(": ");

const row = (deploy: HostDeploy, now: number): Html => {
  const { at, run, outcome, closure, by } = deploy;
  return html`<tr><th scope="row">${ageText(at, now)}</th>
<td data-label="State">${outcome === undefined ? "–" : outcomeBadge(outcome)}</td>
<td data-label="Why">${outcome === "confirmed" ? "" : why(deploy)}</td>
<td data-label="System">${closure === undefined ? "" : html`<code title="${oneLine(closure)}">${shortHash(closure)}</code>`}</td>
<td data-label="By">${by === undefined ? "" : oneLine(by)} ${commitText(deploy) === "" ? "" : html`<code>${commitText(deploy)}</code>`}</td>
<td data-label="Run">${run === undefined ? html`<span class="dim">not recorded here</span>` : html`<a href="/runs/${run}">run</a>`}</td></tr>`;
};

export function deploysSection({ host, deploys, next, now }: DeploysArgs): Html {
  if (deploys.length === 0) return html``;
  return html`<section id="deploys"><h2>Deploys so far</h2>
<table><thead><tr><th scope="col">When</th><th scope="col">State</th><th scope="col">Why</th><th scope="col">System</th><th scope="col">By</th><th scope="col">Run</th></tr></thead>
<tbody>${deploys.map((deploy) => row(deploy, now))}</tbody></table>
${next === undefined ? "" : html`<p><a rel="next" href="/hosts/${host}?before=${encodeURIComponent(next)}#deploys">Older deploys</a></p>`}</section>`;
}
