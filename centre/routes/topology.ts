/** The page of the topology. */
import type { Hono } from "hono";
import { topologyPage } from "../pages/topology.ts";
import type { Services } from "../services.ts";
import { filterOf } from "../view/filter.ts";

export function addTopologyPage(app: Hono, { collector, assets }: Services): void {
  app.get("/topology", (context) => {
    collector.refreshIfStale();
    const filter = filterOf(context.req.query("q"), context.req.query("state"));
    return context.html(topologyPage(collector.snapshot, filter, assets));
  });
}
