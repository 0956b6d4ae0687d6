import { Hono } from "hono";
import { z } from "zod";
import { labels, readBody } from "./body.ts";
import { systemImages } from "./catalog.ts";
import { isProtected, notFound } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { newId, type Project, timestamp } from "./project.ts";
import { serverOf } from "./servers.ts";
import type { SnapshotRow } from "./state.ts";
import { imageView, snapshotView, systemImageView } from "./views.ts";

/** System images, and snapshots as objects: a server made from one boots the image that the snapshot began from. */
export function images(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const snapshotOf = (id: number): SnapshotRow => {
    const row = state.snapshots[id];
    if (row === undefined) throw notFound("image", id);
    return row;
  };

  app.get("/images", (context) => {
    const all = [...systemImages.map(systemImageView), ...Object.values(state.snapshots).map(snapshotView)];
    return answerPage(
      context,
      "images",
      selectRows(context, all, ["type", "architecture", "status", "bound_to"]),
    );
  });

  app.get("/images/:id", (context) => {
    const id = idOf(context, "image");
    const image = imageView(state, id);
    if (image === null) throw notFound("image", id);
    return context.json({ image });
  });

  app.post("/servers/:id{[0-9]+}/actions/create_image", async (context) => {
    const server = serverOf(project, idOf(context, "server"));
    const schema = z.object({
      description: z.string().nullish(),
      type: z.enum(["snapshot", "backup"]).nullish(),
      labels: labels.nullish(),
    });
    const body = await readBody(context, schema);
    const row: SnapshotRow = {
      id: newId(state),
      type: body.type ?? "snapshot",
      description: body.description ?? `snapshot of ${server.name}`,
      created_from: { id: server.id, name: server.name },
      bound_to: body.type === "backup" ? server.id : null,
      base: state.snapshots[server.image]?.base ?? server.image,
      disk_size: server.primary_disk_size,
      protection: { delete: false },
      labels: body.labels ?? {},
      created: timestamp(),
    };
    state.snapshots[row.id] = row;
    const resources = [
      { id: server.id, type: "server" },
      { id: row.id, type: "image" },
    ];
    return context.json(
      { image: snapshotView(row), action: project.actions.start("create_image", resources) },
      201,
    );
  });

  app.put("/images/:id", async (context) => {
    const row = snapshotOf(idOf(context, "image"));
    const body = await readBody(
      context,
      z.object({ description: z.string().nullish(), labels: labels.nullish() }),
    );
    row.description = body.description ?? row.description;
    row.labels = body.labels ?? row.labels;
    return context.json({ image: snapshotView(row) });
  });

  app.delete("/images/:id", (context) => {
    const row = snapshotOf(idOf(context, "image"));
    if (row.protection.delete) throw isProtected("image");
    delete state.snapshots[row.id];
    return context.body(null, 204);
  });

  app.post("/images/:id/actions/change_protection", async (context) => {
    const row = snapshotOf(idOf(context, "image"));
    row.protection = await readBody(context, z.object({ delete: z.boolean() }));
    const action = project.actions.start("change_protection", [{ id: row.id, type: "image" }]);
    return context.json({ action }, 201);
  });

  return app;
}
