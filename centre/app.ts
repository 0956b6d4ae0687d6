/** The control centre's web application: its guards and routes, in the order in which a request meets them. */
import { Hono } from "hono";
import { type Access, openAccess } from "./access/access.ts";
import { problemAnswer } from "./api/problem.ts";
import { loadAssets } from "./assets/assets.ts";
import { messagePage } from "./pages/layout.ts";
import { addActPages } from "./routes/acts.ts";
import { addApi } from "./routes/api.ts";
import { addAssets } from "./routes/assets.ts";
import { addAuditPage } from "./routes/audit.ts";
import { addFleetPages } from "./routes/fleet.ts";
import { addHeaders } from "./routes/headers.ts";
import { addLive } from "./routes/live.ts";
import { addPromisePages } from "./routes/promises.ts";
import { addRunPages } from "./routes/runs.ts";
import { addSession } from "./routes/session.ts";
import { addSignOn } from "./routes/sign-on.ts";
import { addTokenPages } from "./routes/tokens.ts";
import { addTopologyPage } from "./routes/topology.ts";
import { measureProcess } from "./self.ts";
import type { Services } from "./services.ts";

type Optional = "now" | "door" | "rehearsals" | "measureSelf";
export type CentreOptions = Omit<Services, "assets" | Optional | keyof Access> &
  Partial<Pick<Services, Optional>> & {
    /** Shared by the applications of one centre; without it nothing can be done through this one. */
    readonly access?: Access;
  };

export function createCentre({ access, ...options }: CentreOptions): Hono {
  const services: Services = {
    now: Date.now,
    door: { kind: "link" },
    rehearsals: () => ({ results: [], problems: [] }),
    measureSelf: measureProcess,
    ...options,
    ...(access ?? openAccess(options)),
    assets: loadAssets(),
  };
  const app = new Hono();
  addHeaders(app, services);
  addAssets(app, services);
  addSignOn(app, services);
  // Routes after this one need a session, and a role that may see the fleet.
  addSession(app, services);
  addFleetPages(app, services);
  addTopologyPage(app, services);
  addPromisePages(app, services);
  addActPages(app, services);
  addAuditPage(app, services);
  addTokenPages(app, services);
  addRunPages(app, services);
  addLive(app, services);
  addApi(app, services);
  app.notFound((context) =>
    context.req.path.startsWith("/api/")
      ? problemAnswer(404, "No such address")
      : context.html(messagePage(services.assets, "Not found", "There is no such page, host or run."), 404),
  );
  return app;
}
