/**
 * What a run did, as lines of JSON: the file of a run, and what a runner elsewhere sends to the control centre. Nothing
 * else of the engine's events is kept, because they hold secrets in plain text.
 */
import * as z from "zod";
import { printable } from "../lib/sanitize.ts";

const RUN_VERSION = 1;

/** Characters of a text with several lines, such as an error. */
const MAX_TEXT = 4000;
/** Hosts of one run that are kept. */
const MAX_HOSTS = 2000;

/** Nothing in it is for `printable` to change; most texts are like this, and there are many. */
const PLAIN = /^[\w ./@+=,()-]*$/;

/** Text of hosts, vendors and other runners: without control characters, and cut. */
const text = (max: number) =>
  z
    .string()
    .transform((value) =>
      value.length <= max && PLAIN.test(value) ? value : printable(value.slice(0, 4 * max)).slice(0, max),
    );
const word = text(100);
const line = text(300);
const block = text(MAX_TEXT);
/** RFC 3339, UTC. */
const at = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
const host = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/);

/** Sortable by time, and safe as the name of a file. */
export const RUN_ID = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;

export const RUN_COMMANDS = ["up", "preview", "destroy", "refresh"] as const;
export const OUTCOMES = ["confirmed", "staged", "rolled-back", "held", "offline", "failed"] as const;

const processId = z.object({ pid: z.int(), started: word, boot: word });
export type RunProcess = z.infer<typeof processId>;

const start = z.object({
  type: z.literal("start"),
  schemaVersion: z.literal(RUN_VERSION),
  id: z.string().regex(RUN_ID),
  at,
  stack: word,
  command: z.enum(RUN_COMMANDS),
  /** The selection of hosts. */
  on: line.optional(),
  by: line.optional(),
  commit: z
    .string()
    .regex(/^[0-9a-f]{7,64}$/)
    .optional(),
  /** The checkout has uncommitted changes. */
  dirty: z.boolean().optional(),
  /** The process that runs; absent: it is on another machine. */
  process: processId.optional(),
  /** The process that records, and writes the end after the run's process has ended. */
  recorder: processId.optional(),
});
export type RunStart = z.infer<typeof start>;

const planned = z.object({
  name: host,
  wave: z.int(),
  required: z.boolean(),
  /** False: the run is for other hosts. */
  selected: z.boolean().optional(),
});
export type RunPlannedHost = z.infer<typeof planned>;

/** A line of a run. */
export const runEvent = z.discriminatedUnion("type", [
  start,
  /** The engine began: a preview before the update, or what was asked for. */
  z.object({ type: z.literal("section"), at }),
  z.object({ type: z.literal("hosts"), at, hosts: z.array(planned).max(MAX_HOSTS) }),
  /** A host's deploy or installation reached a step. */
  z.object({ type: z.literal("phase"), at, host, phase: word }),
  z.object({
    type: z.literal("result"),
    at,
    host,
    outcome: z.enum(OUTCOMES),
    /** Whether the run deployed to it; false: the result is of an earlier run. */
    changed: z.boolean(),
    step: word.optional(),
    /** What failed, as a person would type it. */
    command: block.optional(),
    reason: block.optional(),
    hint: block.optional(),
    /** Store path that runs. */
    closure: line.optional(),
    generation: z.number().optional(),
    /** Step -> seconds. */
    seconds: z.record(word, z.number()).optional(),
  }),
  /** An object other than a host's deploy, that the run creates, changes or deletes. */
  z.object({
    type: z.literal("resource"),
    at,
    name: line,
    kind: line,
    op: word,
    state: z.enum(["begun", "done", "failed"]),
  }),
  z.object({ type: z.literal("message"), at, severity: z.enum(["error", "warning"]), text: block }),
  /** Ctrl-C. */
  z.object({ type: z.literal("interrupt"), at }),
  /** The last one; a run without it was killed, or goes on. */
  z.object({
    type: z.literal("end"),
    at,
    result: z.enum(["succeeded", "failed", "interrupted", "declined"]),
    seconds: z.number().optional(),
    /** Operation -> number of resources. */
    counts: z.record(word, z.int()).optional(),
    /** Lines that were left out, because the file was too large. */
    dropped: z.int().optional(),
  }),
]);
export type RunEvent = z.infer<typeof runEvent>;

/** A line of a file; undefined when it is not one, such as the last line of a killed run. */
export function parseEvent(text: string): RunEvent | undefined {
  try {
    return runEvent.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
