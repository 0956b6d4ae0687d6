/** The page of the fleet: a line for each host, the worst first. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import { shortHash } from "../../lib/store-path.ts";
import { type HostStatus, needsAttention } from "../../status/classify.ts";
import type { FleetFacts, HostDetail } from "../../status/detail.ts";
import type { Snapshot } from "../collector.ts";
import { type Filter, filtered } from "../view/filter.ts";
import { rebootReason } from "../view/kernel.ts";
import { filters, nothingFound } from "./filters.ts";
import {
  type Assets,
  ageText,
  type Html,
  page,
  problemBox,
  shape,
  stateBadge,
  unreadPage,
} from "./layout.ts";

const line = (content: Html | string, isDim = false): Html =>
  html`<div${isDim ? html` class="dim"` : ""}>${content}</div>`;

const system = (path: string): Html => html`<code title="${oneLine(path)}">${shortHash(path)}</code>`;

/** Whether a cell is the host's own answer, or what the last run wrote. */
const source = ({ reachable }: HostStatus, at: string, now: number): Html =>
  reachable === true
    ? ageText(at, now, "asked ")
    : html`<span class="age">${reachable === false ? "no answer; " : ""}as of the last run</span>`;

function place({ status, environment, reachability, tags }: HostDetail): Html {
  const reach = reachability === "always" ? "" : ", best effort";
  return html`${line(`${environment}, wave ${status.wave}${reach}`, true)}${
    tags.length === 0 ? "" : line(tags.map((tag) => `@${tag}`).join(" "), true)
  }`;
}

/** What a host runs, and each way in which that is not the whole truth. */
function systems(detail: HostDetail): Html {
  const { running, generation, wanted, boots, pinned, confirmed, needsReboot } = detail.status;
  const reboot = rebootReason(detail);
  return html`${line(
    running === undefined
      ? "unknown"
      : html`${system(running)}${generation === undefined ? "" : html` <span class="dim">generation ${generation}</span>`}`,
  )}${confirmed === false ? line("not confirmed") : ""}${
    wanted !== undefined && wanted !== running ? line(html`wanted ${system(wanted)}`) : ""
  }${boots !== undefined && boots !== running ? line(html`boots ${system(boots)}`) : ""}${
    pinned === undefined ? "" : line(html`pinned to ${system(pinned)}`)
  }${needsReboot ? line(reboot === undefined ? "needs a reboot" : `needs a reboot: ${reboot}`) : ""}`;
}

function health({ health: checks, status: { failedUnits = [] } }: HostDetail): Html {
  const failed = checks.filter(({ ok }) => !ok);
  const passed = `${checks.length} ${checks.length === 1 ? "check" : "checks"} passed`;
  return html`${failed.map(({ name, detail }) =>
    line(html`${shape("failed")} ${oneLine(detail === undefined ? name : `${name}: ${detail}`, 120)}`),
  )}${checks.length > 0 && failed.length === 0 ? line(passed) : ""}${
    failedUnits.length === 0 ? "" : line(`failed units: ${oneLine(failedUnits.join(" "), 200)}`)
  }${
    checks.length > 0
      ? html`<span class="age">at the last deploy</span>`
      : failedUnits.length === 0
        ? line("no checks", true)
        : ""
  }`;
}

function lastDeploy({ status, deployed, reason }: HostDetail, now: number): Html {
  const why = reason === undefined ? undefined : oneLine(reason.trim().split("\n", 1)[0] ?? "", 160);
  const by = deployed?.by === undefined ? "" : ` by ${oneLine(deployed.by, 60)}`;
  const from =
    deployed?.commit === undefined
      ? ""
      : ` from ${oneLine(deployed.commit, 100).slice(0, 8)}${deployed.dirty ? " and changes" : ""}`;
  return html`${line(status.outcome ?? "none")}${why === undefined || why === status.detail ? "" : line(why)}${
    deployed === undefined ? "" : ageText(deployed.at, now, "committed ")
  }${deployed === undefined ? "" : html`<span class="age">${by}${from}</span>`}`;
}

function row(detail: HostDetail, at: string, now: number): Html {
  const { status } = detail;
  const { name } = status;
  const attention = needsAttention(status);
  return html`<tr id="host-${name}"${attention ? html` class="attention"` : ""}>
<th scope="row"><a href="/hosts/${name}">${name}</a>${place(detail)}</th>
<td data-label="State">${stateBadge(status.state, attention)}${
    status.detail === undefined ? "" : line(oneLine(status.detail, 300))
  }${source(status, at, now)}</td>
<td data-label="System">${systems(detail)}${source(status, at, now)}</td>
<td data-label="Health">${health(detail)}</td>
<td data-label="Last deploy">${lastDeploy(detail, now)}</td>
</tr>`;
}

function summary({ hosts, asked, at }: FleetFacts["status"], now: number): Html {
  const bad = hosts.filter(needsAttention).length;
  const text =
    hosts.length === 0
      ? "The stack has no host."
      : bad === 0
        ? `No host of ${hosts.length} needs attention.`
        : `${bad} of ${hosts.length} hosts ${bad === 1 ? "needs" : "need"} attention.`;
  const when = asked
    ? ageText(at, now, "The hosts were asked ")
    : html`<span class="age">The hosts were not asked; this is what the last run left.</span>`;
  return html`<p class="summary ${bad === 0 ? "good" : "bad"}">${shape(bad === 0 ? "ok" : "failed")}${text}${when}</p>`;
}

/** The rows in two groups, so that what needs a person is apart from what does not. */
function rows(details: readonly HostDetail[], at: string, now: number): Html {
  const groups = [
    ["attention", "Needs attention", details.filter(({ status }) => needsAttention(status))],
    ["others", "All others", details.filter(({ status }) => !needsAttention(status))],
  ] as const;
  const [, others] = groups;
  const present = groups.filter(([, , members]) => members.length > 0);
  return html`${present.map(
    ([id, title, members]) => html`<tbody id="${id}">
${others[2].length === details.length ? "" : html`<tr class="group"><th colspan="5" scope="rowgroup">${title} (${members.length})</th></tr>`}
${members.map((each) => row(each, at, now))}</tbody>
`,
  )}`;
}

export function fleetPage(
  { fleet, problem, revision, acts }: Snapshot & { readonly acts?: Html },
  filter: Filter,
  assets: Assets,
  now: number,
): Html {
  if (fleet === undefined) return unreadPage("Fleet", "/", { assets, problem, revision });
  const { status, details } = fleet;
  const shown = filtered(details, filter);
  return page(
    { assets, title: "Fleet", stack: status.stack, revision, section: "/" },
    html`<h1>Fleet</h1>
${problemBox(problem)}
${summary(status, now)}
${acts ?? ""}
${filters("/", status.hosts, filter)}
${
  shown.length === 0
    ? nothingFound("/")
    : html`<table class="hosts">
<caption>${shown.length === details.length ? `${details.length} hosts` : `${shown.length} of ${details.length} hosts`} of ${status.environment}, the worst first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">System</th><th scope="col">Health</th><th scope="col">Last deploy</th></tr></thead>
${rows(shown, status.at, now)}</table>`
}`,
  );
}
