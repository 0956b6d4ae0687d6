import { type Context, Hono } from "hono";
import { isos, locations, serverTypes } from "./catalog.ts";
import { ApiError, notFound } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { serverTypeView } from "./views.ts";

interface Entry {
  id: number;
  name: string;
}

/** Locations, server types, ISOs and prices: the same for every project, read only. */
export function catalogRoutes(): Hono {
  const app = new Hono();
  const serve = <T extends Entry>(
    plural: string,
    singular: string,
    rows: T[],
    exact: (keyof T & string)[] = [],
  ) => {
    app.get(`/${plural}`, (context) => answerPage(context, plural, selectRows(context, rows, exact)));
    app.get(`/${plural}/:id`, (context: Context) => {
      const id = idOf(context, singular);
      const row = rows.find((candidate) => candidate.id === id);
      if (row === undefined) throw notFound(singular, id);
      return context.json({ [singular]: row });
    });
  };
  serve("locations", "location", locations);
  serve("server_types", "server_type", serverTypes.map(serverTypeView));
  serve("isos", "iso", isos, ["architecture"]);

  const gone = () => {
    throw new ApiError(410, "deprecated_api_endpoint", "datacenters were removed, use locations", {
      announcement: "https://docs.hetzner.cloud/changelog#2026-06-02-datacenters-deprecated",
    });
  };
  app.get("/datacenters", gone);
  app.get("/datacenters/:id", gone);

  app.get("/pricing", (context) => {
    const zero = { net: "0.0000000000", gross: "0.0000000000000000" };
    return context.json({
      pricing: {
        currency: "EUR",
        vat_rate: "19.00",
        image: { price_per_gb_month: zero },
        floating_ip: { price_monthly: zero },
        floating_ips: [],
        primary_ips: [],
        traffic: { price_per_tb: zero },
        server_backup: { percentage: "20.00" },
        server_types: serverTypes.map(serverTypeView).map(({ id, name, prices }) => ({ id, name, prices })),
        load_balancer_types: [],
        volume: { price_per_gb_month: zero },
      },
    });
  });
  return app;
}
