/** A control centre on loopback that shows a given fleet, for screenshots and for the tests of the pages. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Sessions } from "../../centre/access/sessions.ts";
import { createCentre } from "../../centre/app.ts";
import { Collector } from "../../centre/collector.ts";
import { RunHistory } from "../../centre/runs/history.ts";
import type { Database } from "../../centre/store/database.ts";
import { openDatabase } from "../../centre/store/open.ts";
import type { RunEvent } from "../../runs/contract.ts";
import { appendEvents } from "../../runs/files.ts";
import type { FleetFacts } from "../../status/detail.ts";
import { EXAMPLE_NOW, EXAMPLE_REHEARSALS } from "./example-fleet.ts";

export interface ExampleCentre {
  readonly address: string;
  /** A link that opens one session. */
  readonly newLink: () => string;
  /** Replaces the fleet; open pages follow. */
  readonly show: (fleet: FleetFacts) => Promise<void>;
  /** Adds events to a run, as a run that goes on does; open pages follow. */
  readonly record: (id: string, events: readonly RunEvent[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** @param prepare fills the database before the start */
export async function startExampleCentre(
  first: FleetFacts,
  prepare: (database: Database) => void = () => {},
): Promise<ExampleCentre> {
  let fleet = first;
  const now = () => EXAMPLE_NOW;
  const collector = new Collector(() => Promise.resolve(fleet), now);
  await collector.refresh();
  const sessions = new Sessions();
  const directory = mkdtempSync(path.join(tmpdir(), "pantheros-example-"));
  const database = openDatabase({ directory, stack: "production", report: () => {} });
  prepare(database);
  const runs = new RunHistory({ database, directory: path.join(directory, "runs"), now });
  await runs.read();
  let host = "";
  const app = createCentre({
    collector,
    sessions,
    database,
    runs,
    rehearsals: () => EXAMPLE_REHEARSALS,
    measureSelf: () => ({ commandSeconds: 0.412, memoryMb: 84, cpuPercent: 0.6 }),
    hosts: () => [host],
    now,
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address: `http://${host}`,
    newLink: () => `http://${host}/session?link=${sessions.newLink()}`,
    show: (next) => {
      fleet = next;
      return collector.refresh();
    },
    record: (id, events) => {
      mkdirSync(runs.directory, { recursive: true });
      appendEvents(runs.directory, id, events);
      return runs.read();
    },
    close: async () => {
      await new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      });
      database.close();
      rmSync(directory, { recursive: true });
    },
  };
}
