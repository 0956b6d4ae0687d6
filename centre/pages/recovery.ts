/** The page of the recovery: what the inventory promises, and what the last rehearsals took. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import type { Snapshot } from "../collector.ts";
import type { Rehearsals } from "../rehearsals.ts";
import { duration } from "../view/duration.ts";
import { type RecoveryLine, recoveryLines, recoveryState } from "../view/recovery.ts";
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

const ACTION = "/recovery";

const TITLES: Readonly<Record<string, string>> = {
  configuration: "A bad configuration",
  secret: "A secret that became known",
  cache: "The cache is lost",
  database: "A database is lost",
  host: "A host is lost",
  disaster: "Everything is lost",
};

const titleOf = (name: string): string =>
  Object.hasOwn(TITLES, name) ? `${TITLES[name]}` : oneLine(name, 60);

const loss = (hours: number): string =>
  hours === 0 ? "no data may be lost" : `data of at most ${hours} h may be lost`;

/** How much of the target the rehearsal took; the figures beside it say the same. */
const meter = (seconds: number, target: number): Html =>
  html`<svg class="meter ${seconds <= target ? "good" : "bad"}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="whole" width="100" height="8"/><rect width="${Math.max(1, Math.min(100, Math.round((100 * seconds) / target)))}" height="8"/></svg>`;

function row(line: RecoveryLine, now: number): Html {
  const { name, target, last } = line;
  const state = recoveryState(line);
  return html`<tr id="recovery-${name}">
<th scope="row">${titleOf(name)}<div class="dim">${oneLine(name, 60)}</div></th>
<td data-label="State">${stateBadge(state, state === "missed")}${
    last?.reason === undefined ? "" : html`<div>${oneLine(last.reason)}</div>`
  }</td>
<td data-label="Target">${
    target === undefined
      ? "none"
      : html`<div>within ${duration(target.seconds)}</div><div class="dim">${loss(target.lossHours)}</div>`
  }</td>
<td data-label="Last rehearsal">${
    last === undefined
      ? "none"
      : html`<div>${duration(last.seconds)}</div>${target === undefined ? "" : meter(last.seconds, target.seconds)}${ageText(last.startedAt, now)}${
          last.commit === undefined
            ? ""
            : html`<span class="age">at ${oneLine(last.commit, 100).slice(0, 8)}</span>`
        }`
  }</td>
</tr>`;
}

function summary(lines: readonly RecoveryLine[]): Html {
  const count = (wanted: string) => lines.filter((line) => recoveryState(line) === wanted).length;
  const [missed, never] = [count("missed"), count("never rehearsed")];
  const [kind, text] =
    missed > 0
      ? ["bad", `${missed} of ${lines.length} recoveries missed the target in the last rehearsal.`]
      : never > 0
        ? ["note", `${never} of ${lines.length} recoveries were never rehearsed.`]
        : ["good", `All ${lines.length} recoveries met their targets in the last rehearsal.`];
  return html`<p class="summary ${kind}">${shape(kind === "bad" ? "failed" : kind === "note" ? "degraded" : "ok")}${text}</p>`;
}

export function recoveryPage(
  { fleet, problem, revision }: Snapshot,
  { results, problems }: Rehearsals,
  assets: Assets,
  now: number,
): Html {
  if (fleet === undefined) return unreadPage("Recovery", ACTION, { assets, problem, revision });
  const lines = recoveryLines(fleet.budgets, results);
  return page(
    { assets, title: "Recovery", stack: fleet.status.stack, revision, section: ACTION },
    html`<h1>Recovery</h1>
${problemBox(problem)}
${
  lines.length === 0
    ? html`<p>The inventory has no targets (<code>[budgets.recovery.NAME]</code>), and nothing was rehearsed.</p>`
    : html`${summary(lines)}
<table class="recovery">
<caption>Targets of the inventory beside the last rehearsals in the sandbox</caption>
<thead><tr><th scope="col">What is lost</th><th scope="col">State</th><th scope="col">Target</th><th scope="col">Last rehearsal</th></tr></thead>
<tbody>${lines.map((line) => row(line, now))}</tbody>
</table>`
}
${problems.map((text) => html`<p class="dim">This result cannot be read: ${oneLine(text)}</p>`)}
<p class="dim"><code>tools/pantheros rehearse NAME</code> rehearses one in the sandbox, and writes its time here.</p>`,
  );
}
