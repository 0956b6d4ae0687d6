import { Hono } from "hono";
import * as z from "zod";
import { labels, readBody, readNameAndLabels, resourceName } from "./body.ts";
import { conflict, notFound, notUnique } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { newId, type Project, timestamp } from "./project.ts";
import type { PlacementGroupRow } from "./state.ts";
import { placementGroupView } from "./views.ts";

export function placementGroups(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const all = () => Object.values(state.placement_groups);
  const find = (id: number): PlacementGroupRow => {
    const row = state.placement_groups[id];
    if (row === undefined) throw notFound("placement_group", id);
    return row;
  };
  const view = (row: PlacementGroupRow) => placementGroupView(state, row.id);
  const nameFree = (name: string, except?: number) => {
    if (all().some((row) => row.name === name && row.id !== except))
      throw notUnique("name", "name is already used");
  };

  app.get("/placement_groups", (context) =>
    answerPage(context, "placement_groups", selectRows(context, all(), ["type"]).map(view)),
  );

  app.post("/placement_groups", async (context) => {
    const schema = z.object({ name: resourceName, type: z.literal("spread"), labels: labels.nullish() });
    const body = await readBody(context, schema);
    nameFree(body.name);
    const row: PlacementGroupRow = {
      id: newId(state),
      name: body.name,
      type: body.type,
      labels: body.labels ?? {},
      created: timestamp(),
    };
    state.placement_groups[row.id] = row;
    return context.json({ placement_group: view(row), action: null }, 201);
  });

  app.get("/placement_groups/:id", (context) =>
    context.json({ placement_group: view(find(idOf(context, "placement_group"))) }),
  );

  app.put("/placement_groups/:id", async (context) => {
    const row = find(idOf(context, "placement_group"));
    await readNameAndLabels(context, row, nameFree);
    return context.json({ placement_group: view(row) });
  });

  app.delete("/placement_groups/:id", (context) => {
    const row = find(idOf(context, "placement_group"));
    const used = Object.values(state.servers).some((server) => server.placement_group === row.id);
    if (used) throw conflict("resource_in_use", "placement group still has servers");
    delete state.placement_groups[row.id];
    return context.body(null, 204);
  });

  return app;
}
