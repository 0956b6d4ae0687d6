/** The pages of the fleet and of each host. */
import type { Hono } from "hono";
import { fleetPage } from "../pages/fleet.ts";
import { hostPage } from "../pages/host.ts";
import type { Services } from "../services.ts";
import { filterOf } from "../view/filter.ts";

export function addFleetPages(app: Hono, { collector, assets, now }: Services): void {
  app.get("/", (context) => {
    collector.refreshIfStale();
    const filter = filterOf(context.req.query("q"), context.req.query("state"));
    return context.html(fleetPage(collector.snapshot, filter, assets, now()));
  });
  app.get("/hosts/:name", (context) => {
    collector.refreshIfStale();
    const page = hostPage(collector.snapshot, context.req.param("name"), assets, now());
    return page === undefined ? context.notFound() : context.html(page);
  });
}
