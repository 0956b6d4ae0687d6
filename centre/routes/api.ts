/** The API, version 1: the parts of `centre/api/` below one address, with the document that describes them. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { addActsApi } from "../api/acts.ts";
import { addFleetApi } from "../api/fleet.ts";
import { issuesOf, problemAnswer } from "../api/problem.ts";
import { addPromisesApi } from "../api/promises.ts";
import { addRunApi } from "../api/runs.ts";
import type { Services } from "../services.ts";

const OPENAPI_INFO = {
  openapi: "3.1.0",
  info: {
    title: "PantherOS control centre",
    version: "1",
    description: "Within version 1 fields are only added, so readers must ignore unknown fields.",
  },
  servers: [{ url: "/api/v1" }],
  security: [{ token: [] }, { session: [] }],
};

function createApi(services: Services): OpenAPIHono {
  const api = new OpenAPIHono({
    defaultHook: (result) =>
      result.success ? undefined : problemAnswer(400, "Not as described", issuesOf(result.error)),
  });
  // Such as a body that is not JSON.
  api.onError((error) => {
    if (error instanceof HTTPException) return problemAnswer(error.status, error.message);
    throw error;
  });
  addFleetApi(api, services);
  addRunApi(api, services);
  addActsApi(api, services);
  addPromisesApi(api, services);
  api.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "A token of the page Tokens",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "pantheros-centre",
    description: "The session of the pages on loopback; a service's has the prefix __Host-. It reads only",
  });
  return api;
}

export function addApi(app: Hono, services: Services): void {
  const api = createApi(services);
  api.doc31("/openapi.json", OPENAPI_INFO);
  app.route("/api/v1", api);
}

/** The document that describes the API; centre/openapi.json is a copy of it. */
export const openApiDocument = () =>
  // Routes are described only: no handler runs, so none needs a service.
  createApi({} as Services).getOpenAPI31Document(OPENAPI_INFO);
