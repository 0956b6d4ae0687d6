import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";

/** Receives one line of the log, without a newline. */
export type Log = (line: string) => void;

export interface Listener {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Puts `/__health` (answered without a token) and a request log in front of a vendor's app. */
export function withHealth(name: string, app: Hono, log: Log, detail: () => object = () => ({})): Hono {
  const outer = new Hono();
  outer.use(async (context, next) => {
    const started = Date.now();
    await next();
    if (context.req.path === "/__health") return;
    const url = new URL(context.req.url);
    log(`${context.req.method} ${url.pathname}${url.search} ${context.res.status} ${Date.now() - started}ms`);
  });
  outer.get("/__health", (context) =>
    context.json({ vendor: name, status: "ok", pid: process.pid, ...detail() }),
  );
  outer.all("*", (context) => app.fetch(context.req.raw, context.env));
  return outer;
}

/** Serves a Hono app; rejects when the address is in use. Port 0 picks a free one. `front` wraps the server. */
export function listen(
  app: Hono,
  host: string,
  port: number,
  front: (server: Server) => Server = (server) => server,
): Promise<Listener> {
  return listenServer(front(createAdaptorServer({ fetch: app.fetch }) as Server), host, port);
}

/**
 * Longer than clients keep an idle connection. Node's default of 5 s could close it while a client
 * sends its next request, and a client must not repeat a POST.
 * Go's default is 90 s (net/http, `DefaultTransport`).
 */
const KEEP_ALIVE_MS = 120_000;

/** Listens with a Node HTTP server; `close` also ends its connections. */
export function listenServer(server: Server, host: string, port: number): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.once("error", (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => {
      const actual = (server.address() as AddressInfo).port;
      const close = () =>
        new Promise<void>((done) => {
          server.close(() => done());
          server.closeAllConnections();
        });
      resolve({ url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`, port: actual, close });
    });
  });
}
