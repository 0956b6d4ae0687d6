/** The frame of every page. `html` of Hono escapes each value that is put into it. */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Addresses of the files that every page uses. */
export interface Assets {
  readonly style: string;
  readonly script: string;
}

export interface Frame {
  readonly assets: Assets;
  readonly title: string;
  /** The stack, in the head of the page; undefined while it is unknown. */
  readonly stack?: string | undefined;
  /** The revision that the page shows. Undefined: the page does not change by itself. */
  readonly revision?: number;
}

/** The links in the head of every page. A part of the centre that has a page of its own adds it here. */
const NAVIGATION: readonly (readonly [path: string, label: string])[] = [
  ["/", "Fleet"],
  ["/api/v1/openapi.json", "API"],
];

/** The script morphs `main` when the server reports a newer revision; without it a reload shows the same. */
export const page = ({ assets, title, stack, revision }: Frame, main: Html): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – PantherOS</title>
<link rel="stylesheet" href="${assets.style}">
<script type="module" src="${assets.script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="brand" href="/">PantherOS</a>
${stack === undefined ? "" : html`<span class="stack">${stack}</span>`}
<span class="live" role="status" hidden></span>
<nav aria-label="Pages">${NAVIGATION.map(([path, label]) => html`<a href="${path}">${label}</a> `)}</nav>
</header>
<main id="main" tabindex="-1"${revision === undefined ? "" : html` data-revision="${revision}"`}>
${main}
</main>
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

/** A state of a host; the word says it, and the colour repeats it. */
export const stateBadge = (state: string, isAttention: boolean): Html =>
  html`<span class="badge ${isAttention ? "bad" : state === "ok" ? "good" : "note"}">${state}</span>`;

/** A page that says one thing. */
export const messagePage = (assets: Assets, title: string, text: string): Html =>
  page({ assets, title }, html`<h1>${title}</h1><p>${text}</p>`);
