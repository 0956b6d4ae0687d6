/** The page of one run: each host by wave, with its steps; live while the run is under way. */
import { html } from "hono/html";
import type { Run, RunHost } from "../../runs/run.ts";
import {
  byWave,
  countsText,
  hostState,
  phaseTexts,
  RUN_STATE_TEXTS,
  runDuration,
  runKind,
} from "../view/runs.ts";
import { type Assets, ageText, field, type Html, page, shape } from "./layout.ts";
import { BAD_OUTCOMES, commitText, outcomeBadge, runBadge } from "./runs.ts";

export interface RunPageArgs {
  readonly assets: Assets;
  readonly stack: string | undefined;
  readonly revision: number;
  readonly now: number;
}

const optional = (text: string | undefined): string[] => (text === undefined || text === "" ? [] : [text]);

function steps(host: RunHost, run: Run, now: number): Html {
  const phases = phaseTexts(host, run, now);
  if (phases.length === 0) return html``;
  return html`<ol class="steps">${phases.map(
    ({ phase, took, isCurrent }) =>
      html`<li${isCurrent ? html` aria-current="step"` : ""}>${phase} <span class="age">${took}</span></li>`,
  )}</ol>`;
}

function why({ step, command, reason, hint, changed }: RunHost): Html {
  if (!changed || (reason === undefined && step === undefined)) return html``;
  return html`${step === undefined ? "" : html`<div>at ${step}</div>`}${command === undefined ? "" : html`<div><code>${command}</code></div>`}${reason === undefined ? "" : html`<pre>${reason}</pre>`}${
    hint === undefined ? "" : html`<div>${hint}</div>`
  }`;
}

function hostRow(host: RunHost, run: Run, now: number): Html {
  const state = hostState(host, run);
  return html`<tr id="host-${host.name}"${BAD_OUTCOMES.has(state) ? html` class="attention"` : ""}>
<th scope="row"><a href="/hosts/${host.name}">${host.name}</a></th>
<td data-label="State">${host.changed || state === "waits" ? outcomeBadge(state) : state}</td>
<td data-label="Steps">${steps(host, run, now)}</td>
<td data-label="Why">${why(host)}</td>
</tr>`;
}

function hostsTable(run: Run, now: number): Html {
  if (run.hosts.length === 0) return html`<p>No host is known of this run.</p>`;
  return html`<table class="run">
<caption>${run.hosts.length} hosts, by wave</caption>
<thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Steps</th><th scope="col">Why</th></tr></thead>
${byWave(run.hosts).map(
  ([wave, hosts]) => html`<tbody>
<tr class="group"><th colspan="4" scope="rowgroup">${wave === undefined ? "Wave unknown" : `Wave ${wave}`}</th></tr>
${hosts.map((host) => hostRow(host, run, now))}</tbody>`,
)}</table>`;
}

const messages = (title: string, texts: readonly string[]): Html =>
  texts.length === 0
    ? html``
    : html`<section><h2>${title}</h2>${texts.map((text) => html`<pre>${text}</pre>`)}</section>`;

/** Objects at vendors; a table that is open when one failed. */
function resources({ resources: all }: Run): Html {
  if (all.length === 0) return html``;
  const isOpen = all.some(({ state }) => state === "failed");
  return html`<details id="resources"${isOpen ? html` open` : ""}><summary>Other objects that the run changes (${all.length})</summary>
<table><thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Operation</th><th scope="col">State</th></tr></thead>
<tbody>${all.map(
    ({ name, kind, op, state }) =>
      html`<tr><th scope="row">${name}</th><td data-label="Kind">${kind}</td><td data-label="Operation">${op}</td><td data-label="State">${state}</td></tr>`,
  )}</tbody></table></details>`;
}

function summary(run: Run, now: number): Html {
  const failed = run.hosts.filter((host) => host.changed && BAD_OUTCOMES.has(hostState(host, run)));
  const names = failed.slice(0, 5).map((host) => `${host.name} ${hostState(host, run)}`);
  const more = failed.length > 5 ? ` and ${failed.length - 5} more` : "";
  const hosts = names.length === 0 ? "" : ` ${names.join(", ")}${more}.`;
  const mark = run.state === "running" ? "activating" : run.state;
  return html`<p class="summary ${runKind(run.state)}">${shape(mark)}${RUN_STATE_TEXTS[run.state]}${hosts}${ageText(run.startedAt, now, "started ")}</p>`;
}

export function runPage(run: Run, { assets, stack, revision, now }: RunPageArgs): Html {
  return page(
    { assets, title: `${run.command} ${run.id}`, stack, revision, live: "/live/runs" },
    html`<p><a href="/runs">Runs</a></p>
<h1>${run.command} ${runBadge(run.state)}</h1>
${summary(run, now)}
<dl>
${field("Stack", [run.stack])}
${field("Hosts", optional(run.on === undefined ? undefined : `--on ${run.on}`))}
${field("Started by", optional(run.by))}
${field("Commit", optional(commitText(run)))}
${field("Started", [html`${run.startedAt}`])}
${field("Took", optional(runDuration(run, now)))}
${field("Changes", optional(countsText(run)))}
</dl>
<section><h2>Hosts</h2>${hostsTable(run, now)}</section>
${messages("Errors", run.errors)}
${messages("Warnings", run.warnings)}
${resources(run)}
${run.dropped === undefined ? "" : html`<p>${run.dropped} events were not kept, because there were too many.</p>`}`,
  );
}
