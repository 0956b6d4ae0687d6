import { timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { actionRoutes } from "./action-routes.ts";
import { catalogRoutes } from "./catalog-routes.ts";
import { ApiError } from "./errors.ts";
import { firewalls } from "./firewalls.ts";
import { images } from "./images.ts";
import { placementGroups } from "./placement-groups.ts";
import { primaryIps } from "./primary-ips.ts";
import type { Project } from "./project.ts";
import { assertAllowed } from "./rights.ts";
import { serverActions } from "./server-actions.ts";
import { serverPower } from "./server-power.ts";
import { servers } from "./servers.ts";
import { sshKeys } from "./ssh-keys.ts";

/** Requests per hour; the allowance refills by one per second. Source: the vendor's published limit. */
const RATE_LIMIT = 3600;

class Allowance {
  #left = RATE_LIMIT;
  #since = Date.now();

  /** Counts one request; negative when none was left. */
  take(): number {
    const now = Date.now();
    this.#left = Math.min(RATE_LIMIT, this.#left + (now - this.#since) / 1000);
    this.#since = now;
    this.#left -= 1;
    return Math.floor(this.#left);
  }
}

function authorised(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header?.replace(/^Bearer /, "") ?? "");
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** The Hetzner Cloud API, v1. */
export function hetznerApp(project: Project, limited = true): Hono {
  const app = new Hono();
  const allowance = new Allowance();

  app.onError((error, context) => {
    if (error instanceof ApiError) return context.json(error.body(), error.status);
    project.log(`error: ${error.stack ?? error.message}`);
    return context.json(new ApiError(500, "server_error", "an error occurred").body(), 500);
  });
  app.notFound((context) => context.json(new ApiError(404, "not_found", "Not Found").body(), 404));

  app.use("/v1/*", async (context, next) => {
    if (!authorised(context.req.header("authorization"), project.token)) {
      throw new ApiError(401, "unauthorized", "the token you provided is invalid");
    }
    const left = limited ? allowance.take() : RATE_LIMIT;
    context.header("RateLimit-Limit", String(RATE_LIMIT));
    context.header("RateLimit-Remaining", String(Math.max(0, left)));
    context.header(
      "RateLimit-Reset",
      String(Math.floor(Date.now() / 1000) + (RATE_LIMIT - Math.max(0, left))),
    );
    if (left < 0) throw new ApiError(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached");
    assertAllowed(project, context.req.method, context.req.path);
    await next();
    project.store.commit();
    if (context.req.method !== "GET") await project.reverse?.publish();
  });

  for (const routes of [
    actionRoutes(project),
    servers(project),
    serverPower(project),
    serverActions(project),
    sshKeys(project),
    primaryIps(project),
    firewalls(project),
    placementGroups(project),
    images(),
    catalogRoutes(),
  ]) {
    app.route("/v1", routes);
  }
  return app;
}
