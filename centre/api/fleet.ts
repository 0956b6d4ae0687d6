/** The state of the fleet as JSON. No request waits for a host. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Services } from "../services.ts";
import { problemAnswer, problemJson } from "./problem.ts";
import { fleetStatus, hostDetail } from "./schemas.ts";

const fleetRoute = createRoute({
  method: "get",
  path: "/fleet",
  summary: "The state of each host",
  responses: {
    200: { description: "The state", content: { "application/json": { schema: fleetStatus } } },
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    503: problemJson("The state has not been read yet, or cannot be"),
  },
});

const hostRoute = createRoute({
  method: "get",
  path: "/hosts/{name}",
  summary: "One host, with its facts",
  request: { params: z.object({ name: z.string().describe("Name of the host in the inventory") }) },
  responses: {
    200: { description: "The host", content: { "application/json": { schema: hostDetail } } },
    401: problemJson("No session and no token"),
    403: problemJson("The role or the token has not the capability"),
    404: problemJson("No host has this name"),
    503: problemJson("The state has not been read yet, or cannot be"),
  },
});

export function addFleetApi(api: OpenAPIHono, { collector }: Services): void {
  const unread = () => problemAnswer(503, "The state of the fleet is unknown", collector.snapshot.problem);
  api.openapi(fleetRoute, (context) => {
    collector.refreshIfStale();
    const { fleet } = collector.snapshot;
    return fleet === undefined ? (unread() as never) : context.json(fleet.status, 200);
  });
  api.openapi(hostRoute, (context) => {
    collector.refreshIfStale();
    const { fleet } = collector.snapshot;
    if (fleet === undefined) return unread() as never;
    const { name } = context.req.valid("param");
    const found = fleet.details.find(({ status }) => status.name === name);
    return found === undefined
      ? (problemAnswer(404, "No host has this name", name) as never)
      : context.json(found, 200);
  });
}
