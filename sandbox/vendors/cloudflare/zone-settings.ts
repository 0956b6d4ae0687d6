import { Hono } from "hono";
import type { Account } from "./account.ts";
import { answer, bad, readObject } from "./envelope.ts";
import { now, type ZoneRow } from "./state.ts";
import { zoneOf } from "./zones.ts";

const onOff = ["on", "off"];

/** Settings of a zone on the free plan: default first, then what else is allowed (absent: anything). */
const catalogue: Record<string, { value: unknown; allowed?: unknown[] }> = {
  "0rtt": { value: "off", allowed: onOff },
  always_online: { value: "off", allowed: onOff },
  always_use_https: { value: "off", allowed: onOff },
  automatic_https_rewrites: { value: "on", allowed: onOff },
  brotli: { value: "on", allowed: onOff },
  browser_cache_ttl: { value: 14400 },
  browser_check: { value: "on", allowed: onOff },
  cache_level: { value: "aggressive", allowed: ["aggressive", "basic", "simplified"] },
  challenge_ttl: { value: 1800 },
  development_mode: { value: "off", allowed: onOff },
  early_hints: { value: "off", allowed: onOff },
  email_obfuscation: { value: "on", allowed: onOff },
  hotlink_protection: { value: "off", allowed: onOff },
  http3: { value: "on", allowed: onOff },
  ip_geolocation: { value: "on", allowed: onOff },
  ipv6: { value: "on", allowed: onOff },
  min_tls_version: { value: "1.0", allowed: ["1.0", "1.1", "1.2", "1.3"] },
  opportunistic_encryption: { value: "on", allowed: onOff },
  rocket_loader: { value: "off", allowed: onOff },
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
  websockets: { value: "on", allowed: onOff },
};

function view(zone: ZoneRow, id: string) {
  const known = catalogue[id];
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
    const allowed = catalogue[id]?.allowed;
    if (value === undefined || (allowed !== undefined && !allowed.includes(value))) {
      throw bad(1007, `Invalid value for zone setting ${id}`);
    }
    zone.settings[id] = { value, modified_on: now() };
    return answer(context, view(zone, id));
  });

  return app;
}
