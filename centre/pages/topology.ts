/** The page of the topology: a picture, drawn here, and the same as a list. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import { needsAttention } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";
import type { Snapshot } from "../collector.ts";
import { type Filter, filtered } from "../view/filter.ts";
import { shapeOf } from "../view/shapes.ts";
import {
  HEAD_HEIGHT,
  type HostPart,
  LINE_HEIGHT,
  type PlacedEnvironment,
  type PlacedHost,
  type PlacedWave,
  placeTopology,
  TILE_WIDTH,
  type TopologyEnvironment,
  topologyOf,
} from "../view/topology.ts";
import { isWeb } from "../view/web-address.ts";
import { filters, nothingFound } from "./filters.ts";
import { type Assets, type Html, page, problemBox, stateBadge, unreadPage } from "./layout.ts";

const ACTION = "/topology";

/** Columns of the picture on a wide screen; a narrow one has one. */
const COLUMNS = 4;

/** Characters that fit a tile, at the width of the widest usual font. */
const HEAD_CHARACTERS = 22;
const HEAD_CHARACTERS_BESIDE_STATE = 13;
const LINE_CHARACTERS = 28;

const kindOf = ({ status }: HostDetail): string =>
  needsAttention(status) ? "bad" : status.state === "ok" ? "good" : "note";

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;

/** Links only to addresses of the web; another text stays text. */
const linked = (url: string | undefined, content: Html): Html =>
  url !== undefined && isWeb(url) ? html`<a href="${url}" rel="noreferrer">${content}</a>` : content;

function partLine({ kind, text, detail, url }: HostPart, x: number, y: number): Html {
  const whole = oneLine(`${text}  ${detail}`, 300);
  const [name, rest] = [oneLine(text, LINE_CHARACTERS), oneLine(detail, 300)];
  const left = LINE_CHARACTERS - name.length - 1;
  return linked(
    url,
    html`<text x="${x + 32}" y="${y + 14}"><title>${whole}</title><tspan class="${kind}">${name}</tspan>${
      left < 4 ? "" : html` <tspan class="more">${oneLine(rest, left)}</tspan>`
    }</text>`,
  );
}

function tile({ detail, parts, box: { x, y, width, height } }: PlacedHost): Html {
  const { name, state } = detail.status;
  return html`<g class="host ${kindOf(detail)}">
<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>
<a href="/hosts/${name}"><title>${name}: ${state}</title>
<path class="stripe" d="M${x + 1.5} ${y + 5}v${height - 10}"/>
<svg class="shape" x="${x + 10}" y="${y + 9}" width="15" height="15" viewBox="0 0 16 16"><path d="${shapeOf(state)}"/></svg>
<text class="host-name" x="${x + 32}" y="${y + 21}">${oneLine(name, state === "ok" ? HEAD_CHARACTERS : HEAD_CHARACTERS_BESIDE_STATE)}</text>
${state === "ok" ? "" : html`<text class="more" x="${x + TILE_WIDTH - 10}" y="${y + 21}" text-anchor="end">${state}</text>`}</a>
${parts.map((part, at) => partLine(part, x, y + HEAD_HEIGHT + at * LINE_HEIGHT))}</g>
`;
}

function band({ wave, hosts, box: { x, y, width, height } }: PlacedWave, isLast: boolean): Html {
  const middle = x + width / 2;
  return html`<g class="wave"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>
<text x="${x + 14}" y="${y + 22}">Wave ${wave}<tspan class="more">, ${count(hosts.length, "host")}</tspan></text>
${hosts.map(tile)}${
  isLast
    ? ""
    : html`<path class="then" d="M${middle} ${y + height + 4}v16m-5-6l5 6l5-6"><title>then</title></path>`
}</g>
`;
}

const frame = ({ name, waves, box: { x, y, width, height } }: PlacedEnvironment): Html =>
  html`<g class="environment"><rect x="${x + 0.5}" y="${y + 0.5}" width="${width - 1}" height="${height - 1}" rx="10"/>
<text x="${x + 16}" y="${y + 23}">${name}</text>
${waves.map((wave, at) => band(wave, at === waves.length - 1))}</g>
`;

function picture(environments: readonly TopologyEnvironment[], columns: number, use: string): Html {
  const { width, height, environments: placed } = placeTopology(environments, columns);
  return html`<svg class="topology ${use}" role="group" aria-label="Topology, as a picture" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${placed.map(frame)}</svg>`;
}

function listedPart({ kind, text, detail, url }: HostPart): Html {
  const name = html`${oneLine(text)}`;
  return html`<li>${linked(kind === "service" ? url : undefined, name)} <span class="dim">${oneLine(detail)}</span></li>`;
}

const list = (environments: readonly TopologyEnvironment[]): Html =>
  html`${environments.map(
    ({ name, waves }) => html`<h3>${name}</h3>
<div class="waves">${waves.map(
      ({ wave, hosts }) => html`<section><h4>Wave ${wave}</h4>
<ul class="plain">${hosts.map(
        ({ detail, parts }) =>
          html`<li><a href="/hosts/${detail.status.name}">${detail.status.name}</a> ${stateBadge(detail.status.state, needsAttention(detail.status))}${
            parts.length === 0 ? "" : html`<ul>${parts.map(listedPart)}</ul>`
          }</li>`,
      )}</ul></section>`,
    )}</div>`,
  )}`;

export function topologyPage({ fleet, problem, revision }: Snapshot, filter: Filter, assets: Assets): Html {
  if (fleet === undefined) return unreadPage("Topology", ACTION, { assets, problem, revision });
  const shown = filtered(fleet.details, filter);
  const environments = topologyOf(shown);
  return page(
    { assets, title: "Topology", stack: fleet.status.stack, revision, section: ACTION },
    html`<h1>Topology</h1>
${problemBox(problem)}
<p class="dim">A wave is deployed to when the required hosts of the waves above it have converged.</p>
${filters(ACTION, fleet.status.hosts, filter)}
${
  shown.length === 0
    ? nothingFound(ACTION)
    : html`<p><a class="skip" href="#list">Skip the picture</a></p>
<div class="picture">${picture(environments, COLUMNS, "wide")}${picture(environments, 1, "narrow")}</div>
<section><h2 id="list" tabindex="-1">The same as a list</h2>
${list(environments)}</section>`
}`,
  );
}
