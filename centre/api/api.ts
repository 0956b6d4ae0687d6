/** The API: the state of the fleet as JSON, described by an OpenAPI document. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Collector } from "../collector.ts";
import { fleetStatus, hostDetail, problem } from "./schemas.ts";

const problemJson = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problem } },
});

const fleetRoute = createRoute({
  method: "get",
  path: "/fleet",
  summary: "The state of each host",
  responses: {
    200: { description: "The state", content: { "application/json": { schema: fleetStatus } } },
    401: problemJson("No session"),
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
    401: problemJson("No session"),
    404: problemJson("No host has this name"),
    503: problemJson("The state has not been read yet, or cannot be"),
  },
});

export const problemAnswer = (status: number, title: string, detail?: string): Response =>
  new Response(JSON.stringify({ title, status, ...(detail !== undefined && { detail }) }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });

/** @param collector answers from its snapshot; no request waits for a host */
export function createApi(collector: Collector): OpenAPIHono {
  const api = new OpenAPIHono();
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
  api.doc31("/openapi.json", openApiInfo);
  return api;
}

const openApiInfo = {
  openapi: "3.1.0",
  info: {
    title: "PantherOS control centre",
    version: "1",
    description: "Within version 1 fields are only added, so readers must ignore unknown fields.",
  },
  servers: [{ url: "/api/v1" }],
};
