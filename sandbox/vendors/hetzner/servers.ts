import { Hono } from "hono";
import * as z from "zod";
import { labels, readBody } from "./body.ts";
import { isProtected, locked, notFound } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { build, deleteServer, observe } from "./machines.ts";
import type { Project } from "./project.ts";
import { assertServerNameFree, createServer, createServerBody, serverName } from "./server-create.ts";
import type { ServerRow } from "./state.ts";
import { serverView } from "./views.ts";

export function serverOf(project: Project, id: number): ServerRow {
  const server = project.state.servers[id];
  if (server === undefined) throw notFound("server", id);
  return server;
}

const render = async (project: Project, server: ServerRow) =>
  serverView(project.state, server, await observe(project, server));

const updateBody = z.object({ name: serverName.nullish(), labels: labels.nullish() });

/** Creates, reads, changes and deletes servers. Their actions are in server-actions.ts and server-power.ts. */
export function servers(project: Project): Hono {
  const app = new Hono();
  const { state, actions } = project;

  app.get("/servers", async (context) => {
    const views = await Promise.all(
      selectRows(context, Object.values(state.servers)).map((server) => render(project, server)),
    );
    return answerPage(context, "servers", views);
  });

  app.post("/servers", async (context) => {
    const server = createServer(state, await readBody(context, createServerBody));
    const reference = { id: server.id, type: "server" };
    const create = async () => {
      try {
        await build(project, server);
      } catch (error) {
        server.phase = null;
        throw error;
      }
    };
    const action = actions.start("create_server", [reference], create, server.machine);
    const starting = async () => {
      if ((await observe(project, server)) !== "running") throw new Error("the machine did not start");
    };
    const next =
      server.power === "running"
        ? [actions.start("start_server", [reference], starting, server.machine)]
        : [];
    return context.json(
      {
        server: await render(project, server),
        action,
        next_actions: next,
        root_password: server.root_password,
      },
      201,
    );
  });

  app.get("/servers/:id{[0-9]+}", async (context) =>
    context.json({ server: await render(project, serverOf(project, idOf(context, "server"))) }),
  );

  app.put("/servers/:id{[0-9]+}", async (context) => {
    const server = serverOf(project, idOf(context, "server"));
    const body = await readBody(context, updateBody);
    if (body.name != null) {
      assertServerNameFree(state, body.name, server.id);
      server.name = body.name;
    }
    server.labels = body.labels ?? server.labels;
    return context.json({ server: await render(project, server) });
  });

  app.delete("/servers/:id{[0-9]+}", async (context) => {
    const server = serverOf(project, idOf(context, "server"));
    if (server.protection.delete) throw isProtected("server");
    if (server.phase !== null) throw locked("server");
    server.phase = "deleting";
    const undo = async () => {
      try {
        await deleteServer(project, server);
      } catch (error) {
        server.phase = null;
        throw error;
      }
    };
    const action = actions.start("delete_server", [{ id: server.id, type: "server" }], undo, server.machine);
    return context.json({ action });
  });

  return app;
}
