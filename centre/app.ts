/** The control centre's web application: its guards and routes, in the order in which a request meets them. */
import { Hono } from "hono";
import { problemAnswer } from "./api/problem.ts";
import { loadAssets } from "./assets/assets.ts";
import { messagePage } from "./pages/layout.ts";
import { addApi } from "./routes/api.ts";
import { addAssets } from "./routes/assets.ts";
import { addFleetPages } from "./routes/fleet.ts";
import { addHeaders } from "./routes/headers.ts";
import { addLive } from "./routes/live.ts";
import { addSession } from "./routes/session.ts";
import { addTopologyPage } from "./routes/topology.ts";
import type { Services } from "./services.ts";

export type CentreOptions = Omit<Services, "assets" | "now"> & Partial<Pick<Services, "now">>;

export function createCentre(options: CentreOptions): Hono {
  const services: Services = { now: Date.now, ...options, assets: loadAssets() };
  const app = new Hono();
  addHeaders(app, services);
  addAssets(app, services);
  // Routes after this one need a session.
  addSession(app, services);
  addFleetPages(app, services);
  addTopologyPage(app, services);
  addLive(app, services);
  addApi(app, services);
  app.notFound((context) =>
    context.req.path.startsWith("/api/")
      ? problemAnswer(404, "No such address")
      : context.html(
          messagePage(services.assets, "Not found", "There is no such page, or no such host."),
          404,
        ),
  );
  return app;
}
