import { type Context, Hono } from "hono";
import * as z from "zod";
import { idOrName, readBody } from "./body.ts";
import { serverTypes } from "./catalog.ts";
import { invalidInput, isProtected, locked, notFound, unprocessable } from "./errors.ts";
import { idOf } from "./listing.ts";
import { build } from "./machines.ts";
import type { Project } from "./project.ts";
import { findImage, findServerType } from "./server-create.ts";
import { startUp } from "./server-power.ts";
import { serverOf } from "./servers.ts";
import type { ServerRow } from "./state.ts";

type Handler<T> = (server: ServerRow, body: T, context: Context) => Outcome;

interface Outcome {
  command: string;
  effect?: () => Promise<void>;
  /** Other resources of the action. */
  also?: { id: number; type: string }[];
  /** Other fields of the answer. */
  answer?: object;
}

const emptyBody = z.object({});

/** `POST /servers/{id}/actions/…`, except power (server-power.ts). */
export function serverActions(project: Project): Hono {
  const app = new Hono();
  const { state } = project;

  const on = <T extends z.ZodType>(verb: string, schema: T, handler: Handler<z.infer<T>>) =>
    app.post(`/servers/:id{[0-9]+}/actions/${verb}`, async (context) => {
      const server = serverOf(project, idOf(context, "server"));
      const body = await readBody(context, schema);
      if (server.phase !== null) throw locked("server");
      const { command, effect, also = [], answer = {} } = handler(server, body, context);
      const resources = [{ id: server.id, type: "server" }, ...also];
      return context.json(
        { action: project.actions.start(command, resources, effect, server.machine), ...answer },
        201,
      );
    });

  on("rebuild", z.object({ image: idOrName, user_data: z.string().nullish() }), (server, body) => {
    if (server.protection.rebuild) throw isProtected("server", "rebuild");
    const type = serverTypes.find((candidate) => candidate.id === server.server_type);
    if (type === undefined) throw invalidInput("server_type", "unknown");
    server.image = findImage(body.image, type);
    if (body.user_data != null) server.user_data = body.user_data;
    server.phase = "rebuilding";
    server.power = "running";
    return {
      command: "rebuild_server",
      effect: () => endPhaseOnFailure(server, build(project, server)),
      answer: { root_password: null },
    };
  });

  on("change_type", z.object({ server_type: idOrName, upgrade_disk: z.boolean() }), (server, body) => {
    const type = findServerType(body.server_type);
    const old = serverTypes.find((candidate) => candidate.id === server.server_type);
    if (server.power !== "off") throw unprocessable("server_not_stopped", "server must be stopped");
    if (type.id === server.server_type)
      throw unprocessable("invalid_server_type", "server already has this type");
    if (type.architecture !== old?.architecture) {
      throw unprocessable("invalid_server_type", "server type has another architecture");
    }
    if (type.disk < server.primary_disk_size) {
      throw unprocessable("invalid_server_type", "the disk of the server type is smaller than the server's");
    }
    server.server_type = type.id;
    if (body.upgrade_disk) server.primary_disk_size = type.disk;
    // The API reference: "This copies the content of its disk, and starts it again". Clients rely on it.
    server.power = "running";
    return { command: "change_server_type", effect: () => startUp(project, server) };
  });

  on(
    "change_protection",
    z.object({ delete: z.boolean().nullish(), rebuild: z.boolean().nullish() }),
    (server, body) => {
      const next = {
        delete: body.delete ?? server.protection.delete,
        rebuild: body.rebuild ?? server.protection.rebuild,
      };
      if (next.delete !== next.rebuild)
        throw invalidInput("rebuild", "delete and rebuild protection must be equal");
      server.protection = next;
      return { command: "change_protection" };
    },
  );

  on("enable_backup", emptyBody, (server) => {
    server.backup_window ??= "22-02";
    return { command: "enable_backup" };
  });
  on("disable_backup", emptyBody, (server) => {
    server.backup_window = null;
    return { command: "disable_backup" };
  });

  on("add_to_placement_group", z.object({ placement_group: z.int() }), (server, body) => {
    if (state.placement_groups[body.placement_group] === undefined)
      throw notFound("placement_group", body.placement_group);
    if (server.power !== "off") throw unprocessable("server_not_stopped", "server must be stopped");
    if (server.placement_group !== null)
      throw unprocessable("already_in_placement_group", "server is in a placement group");
    server.placement_group = body.placement_group;
    return {
      command: "add_to_placement_group",
      also: [{ id: body.placement_group, type: "placement_group" }],
    };
  });
  on("remove_from_placement_group", emptyBody, (server) => {
    if (server.placement_group === null)
      throw unprocessable("invalid_input", "server is in no placement group");
    server.placement_group = null;
    return { command: "remove_from_placement_group" };
  });

  return app;
}

/** Ends the phase after a failed build too; the server then has its machine's status. */
async function endPhaseOnFailure(server: ServerRow, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    server.phase = null;
    throw error;
  }
}
