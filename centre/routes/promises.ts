/** The pages of what the inventory promises: recovery and budgets. */
import type { Hono } from "hono";
import { budgetsPage } from "../pages/budgets.ts";
import { recoveryPage } from "../pages/recovery.ts";
import type { Services } from "../services.ts";

export function addPromisePages(
  app: Hono,
  { collector, assets, now, rehearsals, measureSelf }: Services,
): void {
  app.get("/recovery", (context) => {
    collector.refreshIfStale();
    return context.html(recoveryPage(collector.snapshot, rehearsals(), assets, now()));
  });
  app.get("/budgets", (context) => {
    collector.refreshIfStale();
    return context.html(budgetsPage(collector.snapshot, measureSelf(), assets, now()));
  });
}
