/** The frame of every page. `html` of Hono escapes each value that is put into it. */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { age } from "../view/age.ts";
import { shapeOf } from "../view/shapes.ts";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Addresses of the files that every page uses. */
export interface Assets {
  readonly style: string;
  readonly script: string;
  readonly icon: string;
}

export interface Frame {
  readonly assets: Assets;
  readonly title: string;
  /** The stack, in the head of the page; undefined while it is unknown. */
  readonly stack?: string | undefined;
  /** The revision that the page shows. Undefined: the page does not change by itself. */
  readonly revision?: number;
  /** Where the newest revision is sent from; by default that of the fleet. */
  readonly live?: string;
  /** The link of the navigation that the page belongs to. */
  readonly section?: string;
}

/** The links in the head of every page. A part of the centre that has a page of its own adds it here. */
const NAVIGATION: readonly (readonly [path: string, label: string])[] = [
  ["/", "Fleet"],
  ["/topology", "Topology"],
  ["/runs", "Runs"],
  ["/recovery", "Recovery"],
  ["/budgets", "Budgets"],
  ["/audit", "Audit"],
  ["/api/v1/openapi.json", "API"],
];

/** The script morphs `main` when the server reports a newer revision; without it a reload shows the same. */
export const page = (
  { assets, title, stack, revision, section, live = "/live" }: Frame,
  main: Html,
): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – PantherOS</title>
<link rel="icon" href="${assets.icon}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style}">
<script type="module" src="${assets.script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="brand" href="/">PantherOS</a>
${stack === undefined ? "" : html`<span class="stack">${stack}</span>`}
<nav aria-label="Pages">${NAVIGATION.map(
  ([path, label]) =>
    html`<a href="${path}"${path === section ? html` aria-current="page"` : ""}>${label}</a> `,
)}</nav>
</header>
<p class="live" role="status" hidden></p>
<main id="main" tabindex="-1"${revision === undefined ? "" : html` data-revision="${revision}" data-live="${live}"`}>
${main}
</main>
${revision === undefined ? "" : html`<noscript><p class="foot">Without JavaScript this page does not change by itself. Reload it to see the newest state.</p></noscript>`}
</body>
</html>
`;

/** A label and its values; nothing when there is no value. */
export const field = (label: string, values: readonly Html[] | readonly string[]): Html =>
  values.length === 0
    ? html``
    : html`<div><dt>${label}</dt>${values.map((value) => html`<dd>${value}</dd>`)}</div>`;

/** What went wrong when the state was read; above what is known from before. */
export const problemBox = (problem: string | undefined): Html =>
  problem === undefined
    ? html``
    : html`<div class="problem" role="alert"><h2>The state of the fleet could not be read</h2><pre>${problem}</pre><p>What follows is as of the last time.</p></div>`;

export const shape = (state: string): Html =>
  html`<svg class="shape" viewBox="0 0 16 16" aria-hidden="true"><path d="${shapeOf(state)}"/></svg>`;

const GOOD: readonly string[] = ["ok", "passed", "confirmed", "succeeded"];

/** A state; the word and the shape say it, and the colour repeats it. */
export const stateBadge = (state: string, isAttention: boolean): Html =>
  html`<span class="badge ${isAttention ? "bad" : GOOD.includes(state) ? "good" : "note"}">${shape(state)}${state}</span>`;

/** How old something is, with the moment itself for a pointer. `label` is put before the age. */
export const ageText = (at: string, now: number, label = ""): Html =>
  Number.isNaN(Date.parse(at))
    ? html`<span class="age">${label}${age(at, now)}</span>`
    : html`<time class="age" datetime="${new Date(at).toISOString()}" title="${new Date(at).toISOString()}">${label}${age(at, now)}</time>`;

/** A page that says one thing. */
export const messagePage = (assets: Assets, title: string, text: string): Html =>
  page({ assets, title }, html`<h1>${title}</h1><p>${text}</p>`);

/** A page about the fleet before its state was read for the first time. */
export const unreadPage = (
  title: string,
  section: string,
  { assets, problem, revision }: { assets: Assets; problem: string | undefined; revision: number },
): Html =>
  page(
    { assets, title, revision, section },
    html`<h1>${title}</h1>${problemBox(problem)}${
      problem === undefined ? html`<p>The state of the fleet is being read. This page shows it soon.</p>` : ""
    }`,
  );
