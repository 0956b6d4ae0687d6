/** Why a host does not run what is wanted, on its page: the causes of `pantheros why`, and its commands. */
import { html } from "hono/html";
import { oneLine } from "../../lib/sanitize.ts";
import type { FleetFacts } from "../../status/detail.ts";
import { type Cause, whyOf } from "../../status/why.ts";
import type { Html } from "./layout.ts";

/** A cause of a different host is the reason why that host holds this one. */
function causeItem({ host, text, hint }: Cause, name: string): Html {
  const where = host === name ? html`` : html`<a href="/hosts/${host}">${host}</a>: `;
  return html`<li>${where}${oneLine(text, 600)}${hint === undefined ? "" : html`<div class="dim">${oneLine(hint, 1000)}</div>`}</li>`;
}

/** Nothing for a host without a cause. */
export function whySection(fleet: FleetFacts, name: string): Html {
  const { causes, next } = whyOf(fleet, name) ?? { causes: [], next: [] };
  if (causes.length === 0) return html``;
  return html`<section><h2>Why</h2>
<ol>${causes.map((cause) => causeItem(cause, name))}</ol>
${next.length === 0 ? "" : html`<p>Next, at a checkout:</p><pre>${next.map((command) => `${oneLine(command, 300)}\n`).join("")}</pre>`}</section>`;
}
