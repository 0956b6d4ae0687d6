import { type Context, Hono } from "hono";
import { actionsOf } from "./actions.ts";
import { invalidInput, notFound } from "./errors.ts";
import { answerPage, idOf, sortRows } from "./listing.ts";
import type { Project } from "./project.ts";
import type { ActionRow } from "./state.ts";

/** Resource paths that have action lists of their own, and the type by which actions name them. */
const kinds: Record<string, string> = {
  servers: "server",
  primary_ips: "primary_ip",
  firewalls: "firewall",
  networks: "network",
  volumes: "volume",
  images: "image",
};

/** Reading actions: `/actions?id=…`, `/actions/{id}`, `/{resource}/actions…`, `/{resource}/{id}/actions…`. */
export function actionRoutes(project: Project): Hono {
  const app = new Hono();
  const { state } = project;

  const page = (context: Context, rows: ActionRow[]) => {
    const statuses = context.req.queries("status") ?? [];
    const ids = context.req.queries("id") ?? [];
    const chosen = rows.filter(
      (row) =>
        (statuses.length === 0 || statuses.includes(row.status)) &&
        (ids.length === 0 || ids.includes(String(row.id))),
    );
    return answerPage(context, "actions", sortRows(chosen, context.req.queries("sort") ?? []));
  };
  const one = (context: Context, rows: ActionRow[], id: number) => {
    const action = rows.find((row) => row.id === id);
    if (action === undefined) throw notFound("action", id);
    return context.json({ action });
  };

  app.get("/actions", (context) => {
    // Listing all actions was removed from the vendor's API in 2025; asking for some by id remains.
    if ((context.req.queries("id") ?? []).length === 0) throw invalidInput("id", "is required");
    return page(context, Object.values(state.actions));
  });
  app.get("/actions/:id", (context) => one(context, Object.values(state.actions), idOf(context, "action")));

  for (const [path, type] of Object.entries(kinds)) {
    app.get(`/${path}/actions`, (context) => page(context, actionsOf(state, type)));
    app.get(`/${path}/actions/:id{[0-9]+}`, (context) =>
      one(context, actionsOf(state, type), idOf(context, "action")),
    );
    app.get(`/${path}/:id{[0-9]+}/actions`, (context) =>
      page(context, actionsOf(state, type, idOf(context, type))),
    );
    app.get(`/${path}/:id{[0-9]+}/actions/:action{[0-9]+}`, (context) =>
      one(context, actionsOf(state, type, idOf(context, type)), Number(context.req.param("action"))),
    );
  }
  return app;
}
