/** Serves the control centre: on loopback for the person who started it, or on the sockets of a service. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Sessions } from "./access/sessions.ts";
import { createCentre } from "./app.ts";
import { Collector } from "./collector.ts";
import type { ReadFleet } from "./fleet.ts";
import { type Listener, type ListenerEnv, listen } from "./listen.ts";
import type { Database } from "./store/database.ts";

const ADDRESS = "127.0.0.1";

export interface RunningCentre {
  /** On loopback; undefined for a service. */
  readonly port: number | undefined;
  /** A new link, which opens one session, on loopback. */
  readonly newLink: () => string;
  readonly close: () => Promise<void>;
}

interface ServeBase {
  readonly read: ReadFleet;
  readonly database: Database;
}

export type ServeOptions = ServeBase &
  (
    | {
        /** On loopback; 0: a free one. */
        readonly port: number;
      }
    | {
        /** The sockets of a service. */
        readonly listeners: readonly Listener[];
        /** Names under which browsers reach it, as in the header Host. */
        readonly names: readonly string[];
      }
  );

/** @throws Error when a port or a socket is in use */
export async function serveCentre({ read, database, ...where }: ServeOptions): Promise<RunningCentre> {
  const collector = new Collector(read);
  const sessions = new Sessions();
  let hosts: readonly string[] = "names" in where ? where.names : [];
  const app = createCentre({ collector, sessions, database, hosts: () => hosts });
  const listeners: readonly Listener[] =
    "listeners" in where
      ? where.listeners
      : [{ name: "loopback", target: { host: ADDRESS, port: where.port } }];
  const servers: Server[] = [];
  const close = () => closeAll(servers);
  for (const listener of listeners) {
    const env: ListenerEnv = { listener: listener.name };
    const fetch = (request: Request, bindings: object) => app.fetch(request, { ...bindings, ...env });
    const server = createAdaptorServer({ fetch }) as Server;
    try {
      await listen(server, listener);
    } catch (error) {
      await close();
      throw error;
    }
    servers.push(server);
  }
  const [first] = servers;
  const port = "port" in where && first !== undefined ? (first.address() as AddressInfo).port : undefined;
  if (port !== undefined) hosts = [`${ADDRESS}:${port}`, `localhost:${port}`];
  void collector.start();
  return {
    port,
    newLink: () => `http://${ADDRESS}:${port}/session?link=${sessions.newLink()}`,
    close,
  };
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        }),
    ),
  );
}
