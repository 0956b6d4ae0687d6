/** The page of the audit log. */
import type { Hono } from "hono";
import { forbidden } from "../access/request.ts";
import { auditPage } from "../pages/audit.ts";
import type { Services } from "../services.ts";

const PAGE = 100;

export function addAuditPage(app: Hono, services: Services): void {
  const { audit, assets, now } = services;
  app.get("/audit", (context) => {
    if (!services.guard(context.get("identity"), "audit.read"))
      return forbidden(context, services, "audit.read");
    const before = Number(context.req.query("before") ?? Number.NaN);
    const records = audit.read({ limit: PAGE + 1, ...(Number.isSafeInteger(before) && { before }) });
    const shown = records.slice(0, PAGE);
    const next = records.length > PAGE ? shown.at(-1)?.seq : undefined;
    return context.html(auditPage({ records: shown, verdict: audit.verify(), next }, assets, now()));
  });
}
