/** The page of one host. */
import { html } from "hono/html";
import { oneLine, printable } from "../../lib/sanitize.ts";
import { needsAttention } from "../../status/classify.ts";
import type { HostDetail } from "../../status/detail.ts";
import { statusNotes } from "../../status/notes.ts";
import type { Snapshot } from "../collector.ts";
import { age } from "../view/age.ts";
import { type Assets, field, type Html, page, problemBox, stateBadge } from "./layout.ts";

/** Zero or one value, for `field`. */
const optional = (value: string | undefined): readonly string[] =>
  value === undefined ? [] : [oneLine(value)];

/** `/nix/store/HASH-linux-6.12/bzImage` -> `linux-6.12`; any other text as it is. */
const kernelName = (path: string): string => /^\/nix\/store\/\w+-([^/]+)\//.exec(path)?.[1] ?? path;

/** Only these become links; a host could publish `javascript:`. */
const isWeb = (url: string): boolean => /^https?:\/\//i.test(url);

function deployedText({ deployed }: HostDetail, now: number): string[] {
  if (deployed === undefined) return [];
  const { at, by, commit, dirty } = deployed;
  const from =
    commit === undefined ? "" : ` from ${commit.slice(0, 12)}${dirty ? ", with uncommitted changes" : ""}`;
  return [oneLine(`${age(at, now)}${by === undefined ? "" : ` by ${by}`}${from}`)];
}

function systems({ status }: HostDetail): Html {
  const paths: readonly (readonly [string, string | undefined])[] = [
    ["Runs", status.running],
    ["Wanted", status.wanted === status.running ? undefined : status.wanted],
    ["Boots next", status.boots === status.running ? undefined : status.boots],
    ["Pinned to", status.pinned],
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
  field(`${name}${isPublic ? "" : " (tailnet)"}`, [
    isWeb(url) ? html`<a href="${url}" rel="noreferrer">${url}</a>` : html`${oneLine(url)}`,
  ]),
)}
${names.map(({ name, type, content }) => field(`${name} ${type}`, [html`<code>${oneLine(content)}</code>`]))}
</dl></section>`;
}

/** @param name the host's; undefined is returned when the fleet has no such host. */
export function hostPage(
  { fleet, problem, revision }: Snapshot,
  name: string,
  assets: Assets,
  now: number,
): Html | undefined {
  const detail = fleet?.details.find(({ status }) => status.name === name);
  if (fleet === undefined || detail === undefined) return undefined;
  const { status, addresses, reachability, tags, environment } = detail;
  const notes = statusNotes(status);
  const { kernel, bootedKernel } = detail;
  const kernels = [
    ...(bootedKernel === undefined ? [] : [kernelName(bootedKernel)]),
    ...(kernel === undefined || kernel === bootedKernel ? [] : [`${kernelName(kernel)} after a reboot`]),
  ];
  return page(
    { assets, title: name, stack: fleet.status.stack, revision },
    html`<h1>${name} ${stateBadge(status.state, needsAttention(status))}</h1>
${problemBox(problem)}
${notes === "" ? "" : html`<p class="summary">${oneLine(notes, 400)}</p>`}
<p class="dim">${status.reachable === true ? `The host answered ${age(fleet.status.at, now)}.` : "What follows is as of the last run; the host was not reached."}</p>
${reason(detail)}
${units(detail)}
<section><h2>System</h2><dl>
${systems(detail)}
${field("Generation", optional(status.generation?.toString()))}
${field("Last deploy", optional(status.outcome))}
${field("Committed", deployedText(detail, now))}
${field(
  "Kernel",
  kernels.map((each) => oneLine(each)),
)}
${field("Supervisor", optional(detail.phase))}
</dl></section>
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
</dl></section>`,
  );
}
