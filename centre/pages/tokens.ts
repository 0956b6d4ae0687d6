/** Tokens of the API: a list, a form for a new one, and the new one once. */
import { html } from "hono/html";
import { CAPABILITIES, CAPABILITY_NAMES } from "../../inventory/capabilities.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Guard } from "../access/identity.ts";
import { formToken } from "../access/request.ts";
import type { Session } from "../access/sessions.ts";
import { type ApiToken, MAX_TOKEN_DAYS } from "../access/tokens.ts";
import { age } from "../view/age.ts";
import { type Assets, type Html, page, stateBadge } from "./layout.ts";

export interface TokensPage {
  readonly tokens: readonly ApiToken[];
  readonly session: Session;
  readonly guard: Guard;
  /** A token that was made just now. */
  readonly secret?: string;
  readonly problem?: string;
}

const DEFAULT_DAYS = 30;

const stateOf = ({ revokedAt, endsAt }: ApiToken, now: number): string =>
  revokedAt !== undefined ? "revoked" : endsAt <= now ? "ended" : "ok";

const row = (token: ApiToken, session: Session, now: number): Html => html`<tr>
<th scope="row">${oneLine(token.name)}</th>
<td data-label="State">${stateBadge(stateOf(token, now), false)}</td>
<td data-label="May">${token.capabilities.join(", ")}</td>
<td data-label="Made">${age(new Date(token.madeAt).toISOString(), now)} <span class="dim">by ${oneLine(token.madeBy)}</span></td>
<td data-label="Ends"><time datetime="${new Date(token.endsAt).toISOString()}">${new Date(token.endsAt).toISOString().slice(0, 10)}</time></td>
<td data-label="Revoke">${
  stateOf(token, now) === "ok"
    ? html`<form method="post" action="/tokens/${token.id}/revoke">${formToken(session)}<button>Revoke ${oneLine(token.name)}</button></form>`
    : ""
}</td>
</tr>`;

export function tokensPage(
  { tokens, session, guard, secret, problem }: TokensPage,
  assets: Assets,
  now: number,
): Html {
  const own = CAPABILITY_NAMES.filter((name) => guard(session.identity, name));
  return page(
    { assets, title: "Tokens" },
    html`<h1>Tokens of the API</h1>
${problem === undefined ? "" : html`<div class="problem" role="alert"><p>${problem}</p></div>`}
${secret === undefined ? "" : html`<div class="summary" role="status"><p>This is the new token. It is shown only now.</p><pre tabindex="0">${secret}</pre></div>`}
${
  tokens.length === 0
    ? html`<p>There is no token.</p>`
    : html`<table><caption>Tokens, the newest first</caption><thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Ends</th><th scope="col">Revoke</th></tr></thead>
<tbody>${tokens.map((token) => row(token, session, now))}</tbody></table>`
}
<form method="post" action="/tokens" class="act"><h2>New token</h2>${formToken(session)}
<p><label>Name <input type="text" name="name" required maxlength="63" autocomplete="off"></label></p>
<p><label>Days until it ends <input type="number" name="days" required min="1" max="${MAX_TOKEN_DAYS}" value="${DEFAULT_DAYS}"></label></p>
<fieldset><legend>It may</legend>${own.map((name) => html`<p><label class="tick"><input type="checkbox" name="can.${name}" value="yes"> <span><code>${name}</code>: ${CAPABILITIES[name].may.replaceAll("`", "")}</span></label></p>`)}</fieldset>
<p><button>Make a token</button></p></form>`,
  );
}
