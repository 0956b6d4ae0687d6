/** A fleet for the tests of the control centre. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { RunHistory } from "../../../centre/runs/history.ts";
import type { Database } from "../../../centre/store/database.ts";
import { openDatabase } from "../../../centre/store/open.ts";
import type { HostStatus } from "../../../status/classify.ts";
import type { FleetFacts, HostDetail } from "../../../status/detail.ts";

export const store = (character: string, name: string): string =>
  `/nix/store/${character.repeat(32)}-nixos-system-${name}-26.05`;

export const hostOf = (more: Partial<HostStatus> & { readonly name: string }): HostDetail => ({
  status: { wave: 1, required: true, state: "ok", reachable: true, running: store("a", more.name), ...more },
  environment: "sandbox",
  reachability: "always",
  tags: ["server"],
  reboot: "never",
  addresses: { ipv4: "203.0.113.11" },
  health: [{ name: "hello", ok: true, detail: "status 200" }],
  deployed: { at: "2026-01-01T00:00:00Z", by: "a person", commit: "0123456789abcdef", dirty: false },
  phase: "idle",
  services: [{ name: "hello", url: "https://hello.example.test", public: true }],
  names: [{ name: `${more.name}.example.test`, type: "A", content: "203.0.113.11" }],
});

export const fleetOf = (...details: readonly HostDetail[]): FleetFacts => ({
  status: {
    schemaVersion: 1,
    stack: "organization/pantheros/sandbox",
    environment: "sandbox",
    at: "2026-01-01T00:01:00Z",
    asked: true,
    hosts: details.map(({ status }) => status),
  },
  details,
});

/** A directory that is removed after all tests of the file. */
export function testDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "pantheros-centre-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const opened: Database[] = [];

/** Runs in a directory beside a database. */
export const testHistory = (database: Database): RunHistory =>
  new RunHistory({ database, directory: path.join(path.dirname(database.file), "runs") });

/** A database of its own, which is closed after each test. */
export function testDatabase(directory = mkdtempSync(path.join(tmpdir(), "pantheros-centre-"))): Database {
  const database = openDatabase({ directory, stack: "sandbox", report: () => {} });
  opened.push(database);
  return database;
}

afterEach(() => {
  for (const database of opened.splice(0)) {
    database.close();
    rmSync(path.dirname(database.file), { recursive: true, force: true });
  }
});
