import { Hono } from "hono";
import type { Account } from "./account.ts";
import { answer, bad, readObject } from "./envelope.ts";
import { now, type ZoneRow } from "./state.ts";
import { zoneOf } from "./zones.ts";

const ON_OFF = ["on", "off"];

/** Settings of a zone on the free plan: the default and the allowed values (absent: any). */
const SETTINGS: Record<string, { value: unknown; allowed?: unknown[] }> = {
  "0rtt": { value: "off", allowed: ON_OFF },
  always_online: { value: "off", allowed: ON_OFF },
  always_use_https: { value: "off", allowed: ON_OFF },
  automatic_https_rewrites: { value: "on", allowed: ON_OFF },
  brotli: { value: "on", allowed: ON_OFF },
  browser_cache_ttl: { value: 14400 },
  browser_check: { value: "on", allowed: ON_OFF },
  cache_level: { value: "aggressive", allowed: ["aggressive", "basic", "simplified"] },
  challenge_ttl: { value: 1800 },
  development_mode: { value: "off", allowed: ON_OFF },
  early_hints: { value: "off", allowed: ON_OFF },
  email_obfuscation: { value: "on", allowed: ON_OFF },
  hotlink_protection: { value: "off", allowed: ON_OFF },
  http3: { value: "on", allowed: ON_OFF },
  ip_geolocation: { value: "on", allowed: ON_OFF },
  ipv6: { value: "on", allowed: ON_OFF },
  min_tls_version: { value: "1.0", allowed: ["1.0", "1.1", "1.2", "1.3"] },
  opportunistic_encryption: { value: "on", allowed: ON_OFF },
  rocket_loader: { value: "off", allowed: ON_OFF },
  security_header: {
    value: {
      strict_transport_security: { enabled: false, max_age: 0, include_subdomains: false, nosniff: false },
    },
  },
  security_level: {
    value: "medium",
    allowed: ["off", "essentially_off", "low", "medium", "high", "under_attack"],
  },
  ssl: { value: "full", allowed: ["off", "flexible", "full", "strict"] },
  tls_1_3: { value: "on", allowed: ["on", "off", "zrt"] },
  websockets: { value: "on", allowed: ON_OFF },
};

function view(zone: ZoneRow, id: string) {
  const known = SETTINGS[id];
  if (known === undefined) throw bad(1003, `Undefined zone setting: ${id}`);
  const set = zone.settings[id];
  return { id, value: set?.value ?? known.value, modified_on: set?.modified_on ?? null, editable: true };
}

/** `/zones/{zone}/settings/{setting}`. */
export function zoneSettings(account: Account): Hono {
  const app = new Hono();

  app.get("/zones/:zone/settings/:setting", (context) =>
    answer(context, view(zoneOf(account, context), context.req.param("setting"))),
  );

  app.patch("/zones/:zone/settings/:setting", async (context) => {
    const zone = zoneOf(account, context);
    const id = context.req.param("setting");
    view(zone, id);
    const { value } = await readObject(context);
    const allowed = SETTINGS[id]?.allowed;
    if (value === undefined || (allowed !== undefined && !allowed.includes(value))) {
      throw bad(1007, `Invalid value for zone setting ${id}`);
    }
    zone.settings[id] = { value, modified_on: now() };
    return answer(context, view(zone, id));
  });

  return app;
}
