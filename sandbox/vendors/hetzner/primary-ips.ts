import { Hono } from "hono";
import * as z from "zod";
import { addressesOf, newPrimaryIp, setPointer } from "./addresses.ts";
import { labels, pointerBody, readBody, resourceName } from "./body.ts";
import { locations } from "./catalog.ts";
import { conflict, invalidInput, isProtected, notFound, notUnique, unprocessable } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { publicAddresses } from "./machines.ts";
import type { Project } from "./project.ts";
import { serverOf } from "./servers.ts";
import type { PrimaryIpRow } from "./state.ts";
import { primaryIpView } from "./views.ts";

const createBody = z.object({
  name: resourceName,
  type: z.enum(["ipv4", "ipv6"]),
  location: z.string().nullish(),
  assignee_type: z.literal("server").nullish(),
  assignee_id: z.int().nullish(),
  auto_delete: z.boolean().nullish(),
  labels: labels.nullish(),
});

/** Primary IPs outlive their server unless they have `auto_delete`. */
export function primaryIps(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const all = () => Object.values(state.primary_ips);
  const find = (id: number): PrimaryIpRow => {
    const row = state.primary_ips[id];
    if (row === undefined) throw notFound("primary_ip", id);
    return row;
  };
  const nameFree = (name: string, except?: number) => {
    if (all().some((row) => row.name === name && row.id !== except)) {
      throw notUnique("name", "primary ip name is already used");
    }
  };

  /** Addresses are assigned to and removed from stopped servers only. */
  const stoppedServer = (id: number) => {
    const server = serverOf(project, id);
    if (server.power !== "off" || server.phase !== null)
      throw unprocessable("server_not_stopped", "server must be stopped");
    return server;
  };
  const readdress = async (id: number) => {
    const server = state.servers[id];
    if (server !== undefined)
      await project.compute.readdress?.(server.machine, publicAddresses(state, server));
  };
  const assign = (row: PrimaryIpRow, id: number) => {
    const server = stoppedServer(id);
    if (row.assignee_id !== null)
      throw unprocessable("primary_ip_already_assigned", "primary ip is already assigned");
    if (addressesOf(state, id).some((other) => other.type === row.type)) {
      throw unprocessable(`server_has_${row.type}`, `server already has an ${row.type} address`);
    }
    if (server.location !== row.location) {
      throw unprocessable("primary_ip_datacenter_mismatch", "primary ip is in another location");
    }
    row.assignee_id = id;
  };

  app.get("/primary_ips", (context) =>
    answerPage(context, "primary_ips", selectRows(context, all(), ["ip"]).map(primaryIpView)),
  );

  app.post("/primary_ips", async (context) => {
    const body = await readBody(context, createBody);
    nameFree(body.name);
    const assignee = body.assignee_id ?? null;
    if ((body.location == null) === (assignee === null)) {
      throw invalidInput("location", "exactly one of location and assignee_id must be given");
    }
    if (body.location != null && !locations.some((place) => place.name === body.location)) {
      throw invalidInput("location", `location ${body.location} not found`);
    }
    const location = assignee === null ? (body.location ?? "") : stoppedServer(assignee).location;
    if (assignee !== null && addressesOf(state, assignee).some((row) => row.type === body.type)) {
      throw unprocessable(`server_has_${body.type}`, `server already has an ${body.type} address`);
    }
    const row = newPrimaryIp(state, {
      type: body.type,
      name: body.name,
      location,
      labels: body.labels ?? {},
      auto_delete: body.auto_delete ?? false,
    });
    row.assignee_id = assignee;
    const resources = [{ id: row.id, type: "primary_ip" }];
    const action =
      assignee === null
        ? null
        : project.actions.start("create_primary_ip", resources, () => readdress(assignee));
    return context.json({ primary_ip: primaryIpView(row), action }, 201);
  });

  app.get("/primary_ips/:id{[0-9]+}", (context) =>
    context.json({ primary_ip: primaryIpView(find(idOf(context, "primary_ip"))) }),
  );

  app.put("/primary_ips/:id{[0-9]+}", async (context) => {
    const row = find(idOf(context, "primary_ip"));
    const schema = z.object({
      name: resourceName.nullish(),
      labels: labels.nullish(),
      auto_delete: z.boolean().nullish(),
    });
    const body = await readBody(context, schema);
    if (body.name != null) nameFree(body.name, row.id);
    row.name = body.name ?? row.name;
    row.labels = body.labels ?? row.labels;
    row.auto_delete = body.auto_delete ?? row.auto_delete;
    return context.json({ primary_ip: primaryIpView(row) });
  });

  app.delete("/primary_ips/:id{[0-9]+}", (context) => {
    const row = find(idOf(context, "primary_ip"));
    if (row.protection.delete) throw isProtected("primary_ip");
    if (row.assignee_id !== null) throw conflict("resource_in_use", "primary ip is assigned to a server");
    delete state.primary_ips[row.id];
    return context.body(null, 204);
  });

  const act = (row: PrimaryIpRow, command: string, effect?: () => Promise<void>) => ({
    action: project.actions.start(command, [{ id: row.id, type: "primary_ip" }], effect),
  });

  app.post("/primary_ips/:id{[0-9]+}/actions/assign", async (context) => {
    const row = find(idOf(context, "primary_ip"));
    const body = await readBody(
      context,
      z.object({ assignee_id: z.int(), assignee_type: z.literal("server") }),
    );
    assign(row, body.assignee_id);
    return context.json(
      act(row, "assign_primary_ip", () => readdress(body.assignee_id)),
      201,
    );
  });

  app.post("/primary_ips/:id{[0-9]+}/actions/unassign", (context) => {
    const row = find(idOf(context, "primary_ip"));
    const holder = row.assignee_id;
    if (holder === null) throw unprocessable("invalid_input", "primary ip is not assigned");
    stoppedServer(holder);
    row.assignee_id = null;
    return context.json(
      act(row, "unassign_primary_ip", () => readdress(holder)),
      201,
    );
  });

  app.post("/primary_ips/:id{[0-9]+}/actions/change_protection", async (context) => {
    const row = find(idOf(context, "primary_ip"));
    row.protection = await readBody(context, z.object({ delete: z.boolean() }));
    return context.json(act(row, "change_protection"), 201);
  });

  app.post("/primary_ips/:id{[0-9]+}/actions/change_dns_ptr", async (context) => {
    const row = find(idOf(context, "primary_ip"));
    const body = await readBody(context, pointerBody);
    const own = row.type === "ipv4" ? body.ip === row.ip : body.ip.startsWith(row.ip.replace(/:\/64$/, ""));
    if (!own) throw invalidInput("ip", "does not belong to the primary ip");
    setPointer(row, body.ip, body.dns_ptr);
    return context.json(act(row, "change_dns_ptr"), 201);
  });

  return app;
}
