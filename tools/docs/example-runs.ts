/** A run of the example's fleet in which one host was rolled back; in parts, so that a test can follow it. */
import type { RunEvent } from "../../runs/contract.ts";
import { EXAMPLE_NOW } from "./example-fleet.ts";

export const EXAMPLE_RUN = "20260115T072500Z-4be1f0a9";

/** RFC 3339, seconds after the run's start. */
const at = (seconds: number): string => new Date(EXAMPLE_NOW - 300_000 + seconds * 1000).toISOString();

export const RUN_BEGUN: readonly RunEvent[] = [
  {
    type: "start",
    schemaVersion: 1,
    id: EXAMPLE_RUN,
    at: at(0),
    stack: "production",
    command: "up",
    by: "ci",
    commit: "4be1f0a98c5512d07a3c44be1f0a98c5512d07a3",
    dirty: false,
  },
  { type: "section", at: at(1) },
  {
    type: "hosts",
    at: at(2),
    hosts: [
      { name: "gate", wave: 1, required: true },
      { name: "db", wave: 2, required: true },
      { name: "web-1", wave: 2, required: true },
    ],
  },
  { type: "phase", at: at(3), host: "gate", phase: "activate" },
];

export const RUN_ENDED: readonly RunEvent[] = [
  {
    type: "result",
    at: at(9),
    host: "gate",
    outcome: "confirmed",
    changed: true,
    seconds: { activate: 6.2 },
  },
  { type: "phase", at: at(10), host: "db", phase: "health" },
  {
    type: "result",
    at: at(31),
    host: "db",
    outcome: "rolled-back",
    changed: true,
    step: "health",
    reason: "the check postgres failed 3 times: connection refused on port 5432",
  },
  {
    type: "result",
    at: at(33),
    host: "web-1",
    outcome: "confirmed",
    changed: true,
    seconds: { activate: 9.1 },
  },
  { type: "end", at: at(35), result: "failed", seconds: 35, counts: { update: 3, same: 41 } },
];
