import { type Context, Hono } from "hono";
import { locations, serverTypes } from "./catalog.ts";
import { notFound } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { pricingView } from "./pricing.ts";
import { serverTypeView } from "./views.ts";

interface Entry {
  id: number;
  name: string;
}

/** Locations, server types and prices: the same for every project, read-only. */
export function catalogRoutes(): Hono {
  const app = new Hono();
  const serve = <T extends Entry>(plural: string, singular: string, rows: T[]) => {
    app.get(`/${plural}`, (context) => answerPage(context, plural, selectRows(context, rows)));
    app.get(`/${plural}/:id`, (context: Context) => {
      const id = idOf(context, singular);
      const row = rows.find((candidate) => candidate.id === id);
      if (row === undefined) throw notFound(singular, id);
      return context.json({ [singular]: row });
    });
  };
  serve("locations", "location", locations);
  serve("server_types", "server_type", serverTypes.map(serverTypeView));
  app.get("/pricing", (context) => context.json(pricingView));
  return app;
}
