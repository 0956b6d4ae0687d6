/** The page of the recorded runs. */
import { html } from "hono/html";
import { RUN_COMMANDS } from "../../runs/contract.ts";
import type { RunSummary } from "../../runs/run.ts";
import type { RunPage } from "../runs/history.ts";
import { countsText, outcomesText, runDuration, runKind } from "../view/runs.ts";
import { type Assets, ageText, type Html, page, shape } from "./layout.ts";

export interface RunsPageArgs {
  readonly assets: Assets;
  readonly stack: string | undefined;
  readonly revision: number;
  readonly now: number;
  /** The command whose runs are shown; undefined: all. */
  readonly command: string | undefined;
  /** Why the newest runs are not in the database. */
  readonly problem: string | undefined;
}

/** Words for a deploy that did not reach its end as it should. */
export const BAD_OUTCOMES: ReadonlySet<string> = new Set(["failed", "rolled-back", "interrupted"]);

export const runBadge = (state: RunSummary["state"]): Html =>
  html`<span class="badge ${runKind(state)}">${shape(state === "running" ? "activating" : state)}${state}</span>`;

/** How a deploy ended. */
export const outcomeBadge = (outcome: string): Html => {
  const kind = outcome === "confirmed" ? "good" : BAD_OUTCOMES.has(outcome) ? "bad" : "note";
  return html`<span class="badge ${kind}">${shape(outcome)}${outcome}</span>`;
};

/** `0123456789ab, with uncommitted changes`. */
export const commitText = ({ commit, dirty }: Pick<RunSummary, "commit" | "dirty">): string =>
  commit === undefined ? "" : `${commit.slice(0, 12)}${dirty === true ? ", with uncommitted changes" : ""}`;

const storeProblem = (problem: string | undefined): Html =>
  problem === undefined
    ? html``
    : html`<div class="problem" role="alert"><h2>Runs are not kept at the moment</h2><pre>${problem}</pre></div>`;

const row = (run: RunSummary, now: number): Html => html`<tr id="run-${run.id}">
<th scope="row"><a href="/runs/${run.id}">${run.command}</a>${run.on === undefined ? "" : html` <span class="dim">--on ${run.on}</span>`}</th>
<td data-label="State">${runBadge(run.state)}</td>
<td data-label="Started">${ageText(run.startedAt, now)}${run.by === undefined ? "" : html`<div>${run.by}</div>`}</td>
<td data-label="Took" class="number">${runDuration(run, now)}</td>
<td data-label="Hosts">${outcomesText(run)}</td>
<td data-label="Changes">${countsText(run)}</td>
<td data-label="Commit">${run.commit === undefined ? "" : html`<code>${commitText(run)}</code>`}</td>
</tr>`;

const query = (values: Readonly<Record<string, string | undefined>>): string => {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? "/runs" : `/runs?${new URLSearchParams(given)}`;
};

export function runsPage({ runs, next }: RunPage, args: RunsPageArgs): Html {
  const { assets, stack, revision, now, command, problem } = args;
  const chip = (label: string, value: string | undefined) =>
    html`<a href="${query({ command: value })}"${value === command ? html` aria-current="true"` : ""}>${label}</a>`;
  return page(
    { assets, title: "Runs", stack, revision, section: "/runs", live: "/live/runs" },
    html`<h1>Runs</h1>
${storeProblem(problem)}
<nav class="chips filters" aria-label="Commands">${chip("all", undefined)}${RUN_COMMANDS.map((each) => chip(each, each))}</nav>
${
  runs.length === 0
    ? html`<p>No run is recorded here. <code>tools/pantheros up</code>, <code>preview</code> and the same commands of <code>tools/pulumi</code> record theirs.</p>`
    : html`<table class="runs">
<caption>Recorded runs, the newest first</caption>
<thead><tr><th scope="col">Command</th><th scope="col">State</th><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Hosts</th><th scope="col">Changes</th><th scope="col">Commit</th></tr></thead>
<tbody>${runs.map((run) => row(run, now))}</tbody></table>`
}
${next === undefined ? "" : html`<p><a rel="next" href="${query({ command, before: next })}">Older runs</a></p>`}`,
  );
}
