import { type Context, Hono } from "hono";
import { actionsOf } from "./actions.ts";
import { invalidInput, notFound } from "./errors.ts";
import { answerPage, idOf, sortRows } from "./listing.ts";
import type { Project } from "./project.ts";
import type { ActionRow } from "./state.ts";

/** Read access to actions: `/actions?id=…`, `/actions/{id}`, `/servers/{id}/actions`. */
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
  app.get("/actions", (context) => {
    // The vendor removed the list of all actions in 2025; requests by id remain.
    if ((context.req.queries("id") ?? []).length === 0) throw invalidInput("id", "is required");
    return page(context, Object.values(state.actions));
  });
  app.get("/actions/:id", (context) => {
    const id = idOf(context, "action");
    const action = state.actions[id];
    if (action === undefined) throw notFound("action", id);
    return context.json({ action });
  });
  app.get("/servers/:id{[0-9]+}/actions", (context) =>
    page(context, actionsOf(state, "server", idOf(context, "server"))),
  );
  return app;
}
