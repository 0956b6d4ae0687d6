/** The page of the budgets: limits of the inventory beside what was measured. */
import { html } from "hono/html";
import {
  activationSeconds,
  type BudgetLine,
  hostBudgets,
  isOver,
  type SelfMeasured,
  selfBudgets,
} from "../../status/budgets.ts";
import type { FleetFacts } from "../../status/detail.ts";
import type { Snapshot } from "../collector.ts";
import { duration } from "../view/duration.ts";
import { type Assets, ageText, type Html, page, problemBox, stateBadge, unreadPage } from "./layout.ts";

const ACTION = "/budgets";

const amount = (value: number, unit: BudgetLine["unit"]): string =>
  unit === "s"
    ? duration(value)
    : unit === "MB"
      ? `${Math.round(value)} MB`
      : `${Math.round(value * 10) / 10} %`;

const badge = (line: BudgetLine): Html =>
  line.measured === undefined
    ? stateBadge("not measured", false)
    : stateBadge(isOver(line) ? "over" : "ok", isOver(line));

/** Limits beside measurements. `first`: the name of the first column. */
export const budgetTable = (lines: readonly BudgetLine[], caption: string): Html => html`<table>
<caption>${caption}</caption>
<thead><tr><th scope="col">Limit of</th><th scope="col">State</th><th scope="col">Measured</th><th scope="col">Limit</th><th scope="col">What was measured</th></tr></thead>
<tbody>${lines.map(
  (
    line,
  ) => html`<tr id="budget-${line.name}"><th scope="row">${line.title}<div class="dim">${line.name}</div></th>
<td data-label="State">${badge(line)}</td>
<td data-label="Measured" class="number">${line.measured === undefined ? "–" : amount(line.measured, line.unit)}</td>
<td data-label="Limit" class="number">${amount(line.limit, line.unit)}</td>
<td data-label="What was measured">${line.source}</td></tr>`,
)}</tbody>
</table>`;

/** The last deploys, the longest first; hosts whose last deploy activated nothing are counted. */
function deploys({ details, budgets }: FleetFacts, now: number): Html {
  const limits = hostBudgets(budgets, {});
  const measured = details
    .map((detail) => ({ detail, seconds: activationSeconds(detail) }))
    .filter((each): each is typeof each & { seconds: number } => each.seconds !== undefined)
    .sort((a, b) => b.seconds - a.seconds);
  const without = details.length - measured.length;
  if (limits.length === 0) return html``;
  return html`<section><h2>Deploys</h2>
<p>${limits.map(({ title, limit }, at) => `${at === 0 ? "" : ". "}${title}: ${duration(limit)}`)}. Measured is the last deploy of each host, from the start of its activation to its confirmation.</p>
${
  measured.length === 0
    ? html`<p>No deploy is known yet.</p>`
    : html`<table>
<caption>${measured.length} hosts, the longest first</caption>
<thead><tr><th scope="col">Host</th>${limits.map(({ title }) => html`<th scope="col">${title}</th>`)}<th scope="col">Measured</th></tr></thead>
<tbody>${measured.map(
        ({
          detail,
          seconds,
        }) => html`<tr id="deploy-${detail.status.name}"><th scope="row"><a href="/hosts/${detail.status.name}">${detail.status.name}</a></th>
${limits.map(({ title, limit }) => html`<td data-label="${title}">${stateBadge(seconds > limit ? "over" : "ok", false)}</td>`)}
<td data-label="Measured" class="number">${duration(seconds)}${detail.deployed === undefined ? "" : ageText(detail.deployed.at, now)}</td></tr>`,
      )}</tbody>
</table>`
}
${without === 0 ? "" : html`<p class="dim">The last deploy of ${without} ${without === 1 ? "host" : "hosts"} activated nothing.</p>`}</section>`;
}

export function budgetsPage(
  { fleet, problem, revision }: Snapshot,
  self: SelfMeasured,
  assets: Assets,
  now: number,
): Html {
  if (fleet === undefined) return unreadPage("Budgets", ACTION, { assets, problem, revision });
  const lines = selfBudgets(fleet.budgets, self);
  return page(
    { assets, title: "Budgets", stack: fleet.status.stack, revision, section: ACTION },
    html`<h1>Budgets</h1>
${problemBox(problem)}
${
  fleet.budgets === undefined
    ? html`<p>The inventory has no limits (<code>[budgets]</code>).</p>`
    : html`${lines.length === 0 ? "" : budgetTable(lines, "Limits of the inventory for the management itself")}${deploys(fleet, now)}`
}`,
  );
}
