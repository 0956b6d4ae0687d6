/** Runs that use every field. */
import { mkdirSync, writeFileSync } from "node:fs";
import type { RunHistory } from "../../../centre/runs/history.ts";
import type { Database } from "../../../centre/store/database.ts";
import type { RunEvent } from "../../../runs/contract.ts";
import { runFile } from "../../../runs/files.ts";
import { startOf } from "../runs/fixtures.ts";
import { testHistory } from "./fixtures.ts";

const at = "2026-01-01T00:00:10.000Z";

const events: readonly RunEvent[] = [
  { type: "hosts", at, hosts: [{ name: "db", wave: 1, required: true, selected: true }] },
  { type: "phase", at, host: "db", phase: "build" },
  {
    ...{
      type: "result",
      at,
      host: "db",
      outcome: "failed",
      changed: true,
      step: "build",
      command: "c",
      reason: "r",
      hint: "h",
    },
    ...{ closure: "/nix/store/x", generation: 4, seconds: { build: 1.5 } },
  } as RunEvent,
  { type: "resource", at, name: "db", kind: "hcloud:index/server:Server", op: "update", state: "done" },
  { type: "message", at, severity: "error", text: "an error" },
  { type: "message", at, severity: "warning", text: "a warning" },
  { type: "end", at, result: "failed", seconds: 9, counts: { update: 1 }, dropped: 2 },
];

export async function exampleHistory(database: Database): Promise<RunHistory> {
  const runs = testHistory(database);
  mkdirSync(runs.directory, { recursive: true });
  for (const [id, more] of [
    ["20260101T000000Z-00000001", { on: "@server", dirty: true }],
    ["20260101T000000Z-00000002", { command: "preview" }],
  ] as const)
    writeFileSync(
      runFile(runs.directory, id),
      [startOf(id, more), ...events].map((event) => `${JSON.stringify(event)}\n`).join(""),
    );
  await runs.read();
  return runs;
}
