/** Serves the control centre on loopback, for the person who started it. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Sessions } from "./access/sessions.ts";
import { createCentre } from "./app.ts";
import { Collector } from "./collector.ts";
import type { ReadFleet } from "./fleet.ts";
import type { Database } from "./store/database.ts";

const ADDRESS = "127.0.0.1";

export interface RunningCentre {
  readonly port: number;
  /** A new link, which opens one session. */
  readonly newLink: () => string;
  readonly close: () => Promise<void>;
}

export interface ServeOptions {
  readonly read: ReadFleet;
  readonly database: Database;
  /** 0: a free one. */
  readonly port: number;
}

/** @throws Error when the port is in use */
export async function serveCentre({ read, database, port }: ServeOptions): Promise<RunningCentre> {
  const collector = new Collector(read);
  const sessions = new Sessions();
  let hosts: readonly string[] = [];
  const app = createCentre({ collector, sessions, database, hosts: () => hosts });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((ready, fail) => {
    server.once("error", fail);
    server.listen(port, ADDRESS, ready);
  });
  const actual = (server.address() as AddressInfo).port;
  hosts = [`${ADDRESS}:${actual}`, `localhost:${actual}`];
  void collector.start();
  return {
    port: actual,
    newLink: () => `http://${ADDRESS}:${actual}/session?link=${sessions.newLink()}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
