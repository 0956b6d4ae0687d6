/** Serves the control centre: on loopback for the person who started it, or on the sockets of a service. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { openAccess } from "./access/access.ts";
import type { Door } from "./access/door.ts";
import type { Identity } from "./access/identity.ts";
import { Sessions } from "./access/sessions.ts";
import { type Actor, NO_ACTOR } from "./acts/actor.ts";
import { createCentre } from "./app.ts";
import { Collector } from "./collector.ts";
import type { ReadFleet } from "./fleet.ts";
import { type Listener, type ListenerName, listen } from "./listen.ts";
import { readRehearsals } from "./rehearsals.ts";
import { RunHistory } from "./runs/history.ts";
import { measureProcess } from "./self.ts";
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
  /** Who opens the links of loopback. */
  readonly identity?: Identity;
  /** Does the acts; without it nothing can be done. */
  readonly actor?: Actor;
  /** Gets a line about what could not be read or was restored. */
  readonly report?: (line: string) => void;
  /** Prints each record of the audit log, for a service's journal. */
  readonly print?: (line: string) => void;
  /** Directory of the results of rehearsed recoveries; undefined: none are shown. */
  readonly rehearsals?: string;
  /** Seconds from the start of the command until it had read the outputs; undefined: it has not. */
  readonly commandSeconds?: number | undefined;
  /** Directory of the runs' files. */
  readonly runs: string;
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
        /** How people come in at each of them; nobody does where it is not said. */
        readonly doors?: Readonly<Partial<Record<ListenerName, Door>>>;
      }
  );

/** Only whoever sees the terminal has a link, so at a socket this door is shut. */
const LINK: Door = { kind: "link" };

/** @throws Error when a port or a socket is in use */
export async function serveCentre({
  read,
  database,
  runs,
  identity,
  actor = NO_ACTOR,
  rehearsals,
  commandSeconds,
  report = () => {},
  print = () => {},
  ...where
}: ServeOptions): Promise<RunningCentre> {
  const history = new RunHistory({ database, directory: runs });
  const collector = new Collector(async (ask) => {
    const fleet = await read(ask);
    history.addReported(fleet.details);
    return fleet;
  });
  const sessions = new Sessions();
  const access = openAccess({ database, collector, actor, report, print });
  let hosts: readonly string[] = "names" in where ? where.names : [];
  const doors = ("doors" in where && where.doors) || {};
  const listeners: readonly Listener[] =
    "listeners" in where
      ? where.listeners
      : [{ name: "loopback", target: { host: ADDRESS, port: where.port } }];
  const servers: Server[] = [];
  const close = () => closeAll(servers);
  for (const listener of listeners) {
    const door = doors[listener.name] ?? LINK;
    // A session of one door is none at another.
    const own = listener.name === "loopback" ? sessions : new Sessions();
    const app = createCentre({
      collector,
      sessions: own,
      database,
      runs: history,
      access,
      door,
      hosts: () => hosts,
      ...(rehearsals !== undefined && { rehearsals: () => readRehearsals(rehearsals) }),
      measureSelf: () => ({ ...measureProcess(), ...(commandSeconds !== undefined && { commandSeconds }) }),
    });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
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
  history.start();
  void collector.start();
  return {
    port,
    newLink: () => `http://${ADDRESS}:${port}/session?link=${sessions.newLink(identity)}`,
    close: async () => {
      history.close();
      await close();
    },
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
