import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Child, startChild, waitReady } from "../children.ts";
import { writeAtomically } from "../store.ts";
import { DnsServer } from "./server.ts";

interface PdnsOptions {
  /** Directory of configuration, database and socket. */
  dir: string;
  logDir: string;
  address: string;
  port: number;
  apiPort: number;
}

/** Where Debian's pdns-backend-sqlite3 installs the schema. */
const SCHEMAS = [
  "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
  "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql",
];

/** pdns.conf: authoritative only, no transfers, no caches, so that an answer is never older than the record. */
export function pdnsConfig(options: PdnsOptions, apiKey: string): string {
  const settings = {
    launch: "gsqlite3",
    "gsqlite3-database": join(options.dir, "pdns.sqlite3"),
    "gsqlite3-pragma-synchronous": "0",
    "gsqlite3-dnssec": "yes",
    "local-address": options.address,
    "local-port": String(options.port),
    "socket-dir": options.dir,
    daemon: "no",
    guardian: "no",
    "write-pid": "no",
    "disable-axfr": "yes",
    "cache-ttl": "0",
    "query-cache-ttl": "0",
    "negquery-cache-ttl": "0",
    "zone-cache-refresh-interval": "0",
    "receiver-threads": "1",
    "distributor-threads": "1",
    "version-string": "anonymous",
    "security-poll-suffix": "",
    loglevel: "4",
    webserver: "yes",
    "webserver-address": "127.0.0.1",
    "webserver-port": String(options.apiPort),
    "webserver-allow-from": "127.0.0.1/32",
    api: "yes",
    "api-key": apiKey,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

function createDatabase(path: string): void {
  if (existsSync(path) && statSync(path).size > 0) return;
  const schema = SCHEMAS.find((candidate) => existsSync(candidate));
  if (schema === undefined) throw new Error("no PowerDNS schema found: install pdns-backend-sqlite3");
  const database = new DatabaseSync(path);
  // One transaction: a kill leaves an empty file, and the next start creates the tables.
  database.exec(`BEGIN;${readFileSync(schema, "utf8")}COMMIT;`);
  database.close();
}

export interface Pdns {
  server: DnsServer;
  child: Child;
  stop(): Promise<void>;
}

/** Starts the authoritative DNS server and waits until its API answers. */
export async function startPdns(options: PdnsOptions): Promise<Pdns> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const apiKey = randomBytes(24).toString("hex");
  writeAtomically(join(options.dir, "pdns.conf"), pdnsConfig(options, apiKey));
  createDatabase(join(options.dir, "pdns.sqlite3"));
  const child = await startChild({
    argv: ["/usr/sbin/pdns_server", `--config-dir=${options.dir}`],
    pidFile: join(options.dir, "pdns.pid"),
    logFile: join(options.logDir, "pdns.log"),
  });
  const server = new DnsServer(`http://127.0.0.1:${options.apiPort}`, apiKey);
  try {
    await waitReady(child, "pdns_server", 15, () => server.alive());
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { server, child, stop: () => child.stop() };
}
