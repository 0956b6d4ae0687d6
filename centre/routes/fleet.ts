/** The pages of the fleet and of each host. */
import type { Context, Hono } from "hono";
import type { HostDetail } from "../../status/detail.ts";
import { fleetActs, hostActs } from "../pages/acts.ts";
import { deploysSection } from "../pages/deploys.ts";
import { fleetPage } from "../pages/fleet.ts";
import { hostPage } from "../pages/host.ts";
import type { Services } from "../services.ts";
import { filterOf } from "../view/filter.ts";

const PAGE_DEPLOYS = 20;

export function addFleetPages(app: Hono, { collector, runs, assets, now, acts, guard }: Services): void {
  const actingOf = (context: Context) => ({
    identity: context.get("identity"),
    guard,
    actor: acts.actor,
    running: acts.running,
  });
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
    const host = context.req.param("name");
    const found = runs.deploys(host, {
      before: context.req.query("before")?.slice(0, 40),
      limit: PAGE_DEPLOYS,
    });
    const deploys = deploysSection({ host, ...found, now: now() });
    const page = hostPage(shown, host, { assets, now: now(), deploys });
    return page === undefined ? context.notFound() : context.html(page);
  });
}
