import { Hono } from "hono";
import { z } from "zod";
import { labels, readBody, resourceName } from "./body.ts";
import { conflict, invalidInput, isProtected, notFound, notUnique } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { chooseSubnet, contains, parseRange, privateRange, toAddress } from "./network-addresses.ts";
import { newId, type Project, timestamp } from "./project.ts";
import type { NetworkRow, SubnetRow } from "./state.ts";
import { networkView } from "./views.ts";

const subnetBody = z.object({
  type: z.enum(["cloud", "server", "vswitch"]),
  ip_range: z.string().nullish(),
  network_zone: z.enum(["eu-central", "us-east", "us-west", "ap-southeast"]),
  vswitch_id: z.int().nullish(),
});
const routeBody = z.object({ destination: z.string(), gateway: z.string() });

function makeSubnet(network: NetworkRow, body: z.infer<typeof subnetBody>): SubnetRow {
  const ip_range = chooseSubnet(network, body.ip_range ?? undefined);
  // The gateway of every subnet is the first address of the whole network.
  const first = parseRange(network.ip_range)?.first ?? 0;
  const vswitch = body.vswitch_id == null ? {} : { vswitch_id: body.vswitch_id };
  return {
    type: body.type,
    ip_range,
    network_zone: body.network_zone,
    gateway: toAddress(first + 1),
    ...vswitch,
  };
}

/** Private networks as objects with addresses; the sandbox's machines do not carry their traffic yet. */
export function networks(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const all = () => Object.values(state.networks);
  const find = (id: number): NetworkRow => {
    const row = state.networks[id];
    if (row === undefined) throw notFound("network", id);
    return row;
  };
  const view = (row: NetworkRow) => networkView(state, row.id);
  const nameFree = (name: string, except?: number) => {
    if (all().some((row) => row.name === name && row.id !== except))
      throw notUnique("name", "name is already used");
  };
  const act = (row: NetworkRow, command: string) => ({
    action: project.actions.start(command, [{ id: row.id, type: "network" }]),
  });

  app.get("/networks", (context) => answerPage(context, "networks", selectRows(context, all()).map(view)));

  app.post("/networks", async (context) => {
    const schema = z.object({
      name: resourceName,
      ip_range: z.string(),
      labels: labels.nullish(),
      subnets: z.array(subnetBody).nullish(),
      routes: z.array(routeBody).nullish(),
      expose_routes_to_vswitch: z.boolean().nullish(),
    });
    const body = await readBody(context, schema);
    nameFree(body.name);
    privateRange(body.ip_range);
    const row: NetworkRow = {
      id: newId(state),
      name: body.name,
      ip_range: body.ip_range,
      created: timestamp(),
      subnets: [],
      routes: body.routes ?? [],
      protection: { delete: false },
      labels: body.labels ?? {},
      expose_routes_to_vswitch: body.expose_routes_to_vswitch ?? false,
    };
    for (const subnet of body.subnets ?? []) row.subnets.push(makeSubnet(row, subnet));
    state.networks[row.id] = row;
    return context.json({ network: view(row) }, 201);
  });

  app.get("/networks/:id{[0-9]+}", (context) =>
    context.json({ network: view(find(idOf(context, "network"))) }),
  );

  app.put("/networks/:id{[0-9]+}", async (context) => {
    const row = find(idOf(context, "network"));
    const schema = z.object({
      name: resourceName.nullish(),
      labels: labels.nullish(),
      expose_routes_to_vswitch: z.boolean().nullish(),
    });
    const body = await readBody(context, schema);
    if (body.name != null) nameFree(body.name, row.id);
    row.name = body.name ?? row.name;
    row.labels = body.labels ?? row.labels;
    row.expose_routes_to_vswitch = body.expose_routes_to_vswitch ?? row.expose_routes_to_vswitch;
    return context.json({ network: view(row) });
  });

  app.delete("/networks/:id{[0-9]+}", (context) => {
    const row = find(idOf(context, "network"));
    if (row.protection.delete) throw isProtected("network");
    for (const server of Object.values(state.servers)) {
      server.private_net = server.private_net.filter((net) => net.network !== row.id);
    }
    delete state.networks[row.id];
    return context.body(null, 204);
  });

  app.post("/networks/:id{[0-9]+}/actions/add_subnet", async (context) => {
    const row = find(idOf(context, "network"));
    row.subnets.push(makeSubnet(row, await readBody(context, subnetBody)));
    return context.json(act(row, "add_subnet"), 201);
  });

  app.post("/networks/:id{[0-9]+}/actions/delete_subnet", async (context) => {
    const row = find(idOf(context, "network"));
    const { ip_range } = await readBody(context, z.object({ ip_range: z.string() }));
    const range = parseRange(ip_range);
    if (range === undefined || !row.subnets.some((subnet) => subnet.ip_range === ip_range)) {
      throw invalidInput("ip_range", "the network has no such subnet");
    }
    const inUse = Object.values(state.servers).some((server) =>
      server.private_net.some((net) => {
        const address = parseRange(`${net.ip}/32`);
        return net.network === row.id && address !== undefined && contains(range, address);
      }),
    );
    if (inUse) throw conflict("resource_in_use", "subnet still has servers attached");
    row.subnets = row.subnets.filter((subnet) => subnet.ip_range !== ip_range);
    return context.json(act(row, "delete_subnet"), 201);
  });

  app.post("/networks/:id{[0-9]+}/actions/add_route", async (context) => {
    const row = find(idOf(context, "network"));
    const route = await readBody(context, routeBody);
    if (parseRange(route.destination) === undefined)
      throw invalidInput("destination", "is not an IPv4 network");
    if (row.routes.some((known) => known.destination === route.destination)) {
      throw invalidInput("destination", "a route to this destination exists");
    }
    row.routes.push(route);
    return context.json(act(row, "add_route"), 201);
  });

  app.post("/networks/:id{[0-9]+}/actions/delete_route", async (context) => {
    const row = find(idOf(context, "network"));
    const route = await readBody(context, routeBody);
    const kept = row.routes.filter(
      (each) => each.destination !== route.destination || each.gateway !== route.gateway,
    );
    if (kept.length === row.routes.length) throw invalidInput("destination", "the network has no such route");
    row.routes = kept;
    return context.json(act(row, "delete_route"), 201);
  });

  app.post("/networks/:id{[0-9]+}/actions/change_ip_range", async (context) => {
    const row = find(idOf(context, "network"));
    const { ip_range } = await readBody(context, z.object({ ip_range: z.string() }));
    const range = privateRange(ip_range);
    if (!contains(range, privateRange(row.ip_range)))
      throw invalidInput("ip_range", "a network can only grow");
    row.ip_range = ip_range;
    return context.json(act(row, "change_ip_range"), 201);
  });

  app.post("/networks/:id{[0-9]+}/actions/change_protection", async (context) => {
    const row = find(idOf(context, "network"));
    row.protection = await readBody(context, z.object({ delete: z.boolean() }));
    return context.json(act(row, "change_protection"), 201);
  });

  return app;
}
