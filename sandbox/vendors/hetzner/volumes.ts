import { Hono } from "hono";
import { z } from "zod";
import { idOrName, labels, readBody, readNameAndLabels, resourceName } from "./body.ts";
import { locations } from "./catalog.ts";
import { conflict, invalidInput, isProtected, notFound, notUnique, unprocessable } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { newId, type Project, timestamp } from "./project.ts";
import { findByIdOrName } from "./server-create.ts";
import { serverOf } from "./servers.ts";
import type { VolumeRow } from "./state.ts";
import { volumeView } from "./views.ts";

const createBody = z.object({
  name: resourceName,
  size: z.int().min(10).max(10_240),
  location: idOrName.nullish(),
  server: z.int().nullish(),
  format: z.enum(["ext4", "xfs"]).nullish(),
  automount: z.boolean().nullish(),
  labels: labels.nullish(),
});

/** Volumes as objects; machines of the sandbox have no block devices, so nothing appears inside them. */
export function volumes(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const all = () => Object.values(state.volumes);
  const find = (id: number): VolumeRow => {
    const row = state.volumes[id];
    if (row === undefined) throw notFound("volume", id);
    return row;
  };
  const nameFree = (name: string, except?: number) => {
    if (all().some((row) => row.name === name && row.id !== except))
      throw notUnique("name", "name is already used");
  };
  const act = (row: VolumeRow, command: string, servers: (number | null)[] = []) =>
    project.actions.start(command, [
      { id: row.id, type: "volume" },
      ...servers.flatMap((id) => (id === null ? [] : [{ id, type: "server" }])),
    ]);

  app.get("/volumes", (context) =>
    answerPage(context, "volumes", selectRows(context, all()).map(volumeView)),
  );

  app.post("/volumes", async (context) => {
    const body = await readBody(context, createBody);
    nameFree(body.name);
    const server = body.server == null ? null : serverOf(project, body.server);
    if ((server === null) === (body.location == null)) {
      throw invalidInput("location", "exactly one of location and server must be given");
    }
    const location = server?.location ?? findByIdOrName(locations, body.location ?? "")?.name;
    if (location === undefined) throw invalidInput("location", "not found");
    const row: VolumeRow = {
      id: newId(state),
      name: body.name,
      size: body.size,
      format: body.format ?? null,
      server: server?.id ?? null,
      location,
      protection: { delete: false },
      labels: body.labels ?? {},
      created: timestamp(),
    };
    state.volumes[row.id] = row;
    const action = act(row, "create_volume", [row.server]);
    const next = server === null ? [] : [act(row, "attach_volume", [row.server])];
    return context.json({ volume: volumeView(row), action, next_actions: next }, 201);
  });

  app.get("/volumes/:id{[0-9]+}", (context) =>
    context.json({ volume: volumeView(find(idOf(context, "volume"))) }),
  );

  app.put("/volumes/:id{[0-9]+}", async (context) => {
    const row = find(idOf(context, "volume"));
    await readNameAndLabels(context, row, nameFree);
    return context.json({ volume: volumeView(row) });
  });

  app.delete("/volumes/:id{[0-9]+}", (context) => {
    const row = find(idOf(context, "volume"));
    if (row.protection.delete) throw isProtected("volume");
    if (row.server !== null) throw conflict("resource_in_use", "volume is still attached to a server");
    delete state.volumes[row.id];
    return context.body(null, 204);
  });

  app.post("/volumes/:id{[0-9]+}/actions/attach", async (context) => {
    const row = find(idOf(context, "volume"));
    const body = await readBody(context, z.object({ server: z.int(), automount: z.boolean().nullish() }));
    if (row.server !== null) throw conflict("volume_already_attached", "volume is already attached");
    const server = serverOf(project, body.server);
    if (server.location !== row.location)
      throw unprocessable("invalid_input", "server is in another location");
    row.server = server.id;
    return context.json({ action: act(row, "attach_volume", [server.id]) }, 201);
  });

  app.post("/volumes/:id{[0-9]+}/actions/detach", (context) => {
    const row = find(idOf(context, "volume"));
    const action = act(row, "detach_volume", [row.server]);
    row.server = null;
    return context.json({ action }, 201);
  });

  app.post("/volumes/:id{[0-9]+}/actions/resize", async (context) => {
    const row = find(idOf(context, "volume"));
    const { size } = await readBody(context, z.object({ size: z.int().max(10_240) }));
    if (size <= row.size) throw invalidInput("size", "must be greater than the current size");
    row.size = size;
    return context.json({ action: act(row, "resize_volume") }, 201);
  });

  app.post("/volumes/:id{[0-9]+}/actions/change_protection", async (context) => {
    const row = find(idOf(context, "volume"));
    row.protection = await readBody(context, z.object({ delete: z.boolean() }));
    return context.json({ action: act(row, "change_protection") }, 201);
  });

  return app;
}
