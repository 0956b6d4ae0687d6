/** The pages of the fleet and of each host. */
import type { Context, Hono } from "hono";
import type { HostDetail } from "../../status/detail.ts";
import { fleetActs, hostActs } from "../pages/acts.ts";
import { fleetPage } from "../pages/fleet.ts";
import { hostPage } from "../pages/host.ts";
import type { Services } from "../services.ts";
import { filterOf } from "../view/filter.ts";

export function addFleetPages(app: Hono, { collector, assets, now, acts, guard }: Services): void {
  const actingOf = (context: Context) => ({ identity: context.get("identity"), guard, actor: acts.actor });
  app.get("/", (context) => {
    collector.refreshIfStale();
    const filter = filterOf(context.req.query("q"), context.req.query("state"));
    return context.html(
      fleetPage({ ...collector.snapshot, acts: fleetActs(actingOf(context)) }, filter, assets, now()),
    );
  });
  app.get("/hosts/:name", (context) => {
    collector.refreshIfStale();
    const shown = {
      ...collector.snapshot,
      acts: (detail: HostDetail) => hostActs(detail, actingOf(context)),
    };
    const page = hostPage(shown, context.req.param("name"), assets, now());
    return page === undefined ? context.notFound() : context.html(page);
  });
}
