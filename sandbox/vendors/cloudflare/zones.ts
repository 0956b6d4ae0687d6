import { type Context, Hono } from "hono";
import { type Account, NAME_SERVERS } from "./account.ts";
import { answer, answerPage, CloudflareError } from "./envelope.ts";
import type { ZoneRow } from "./state.ts";

/** The zone in the path. @throws CloudflareError for a malformed or unknown id, as the vendor answers it. */
export function zoneOf(account: Account, context: Context): ZoneRow {
  const id = context.req.param("zone") ?? "";
  if (!/^[0-9a-f]{32}$/.test(id)) {
    throw new CloudflareError(
      404,
      7003,
      `Could not route to /client/v4/zones/${id}, perhaps your object identifier is invalid?`,
    );
  }
  const zone = account.store.data.zones[id];
  if (zone === undefined) throw new CloudflareError(404, 1001, "Invalid zone identifier");
  return zone;
}

const accountView = (account: Account) => ({ id: account.store.data.accountId, name: "Sandbox" });

const view = (account: Account, zone: ZoneRow) => ({
  id: zone.id,
  name: zone.name,
  status: account.rights.zone ?? "active",
  paused: account.rights.paused ?? false,
  type: "full",
  development_mode: 0,
  name_servers: account.rights.nameServers ?? NAME_SERVERS,
  original_name_servers: null,
  original_registrar: null,
  original_dnshost: null,
  created_on: zone.created_on,
  modified_on: zone.modified_on,
  activated_on: zone.created_on,
  meta: { step: 4, custom_certificate_quota: 0, page_rule_quota: 3, phishing_detected: false },
  owner: { id: null, type: "user", email: null },
  account: accountView(account),
  tenant: { id: null, name: null },
  tenant_unit: { id: null },
  permissions: account.permissions,
  plan: {
    id: "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
    name: "Free Website",
    price: 0,
    currency: "USD",
    legacy_id: "free",
  },
});

/** Zones exist before the first run, as in an account whose domain was delegated by hand. */
export function zones(account: Account): Hono {
  const app = new Hono();

  app.get("/zones", (context) => {
    const name = context.req.query("name");
    const status = context.req.query("status");
    const owner = context.req.query("account.id");
    const rows = Object.values(account.store.data.zones).filter(
      (zone) =>
        (name === undefined || zone.name === name.replace(/^equal:/, "")) &&
        (status === undefined || status === "active") &&
        (owner === undefined || owner === account.store.data.accountId),
    );
    return answerPage(
      context,
      rows.map((zone) => view(account, zone)),
      20,
      50,
    );
  });

  app.get("/zones/:zone", (context) => answer(context, view(account, zoneOf(account, context))));

  return app;
}
