/** Takes the events of a run that is under way elsewhere, and writes them as a recorder here would. */
import path from "node:path";
import { messageOf } from "../../lib/message-of.ts";
import { RUN_ID, type RunEvent, runEvent } from "../../runs/contract.ts";
import { appendEvents, pruneRuns, readRunFile, runBytes } from "../../runs/files.ts";
import type { RunHistory } from "./history.ts";

/** More than a recorder writes. */
const MAX_RUN_BYTES = 10 * 1024 * 1024;

/** Why events are not taken. */
export class EventsRefused extends Error {
  readonly status: 400 | 409 | 503;

  constructor(status: EventsRefused["status"], message: string) {
    super(message);
    this.status = status;
  }
}

export interface ReportedEvents {
  readonly id: string;
  /** Number of the first event in its run; 0 is the start. */
  readonly from: number;
  /** None: the run is still under way. */
  readonly events: readonly unknown[];
}

/**
 * Appends what is new; the same events may come again.
 * @returns the number of the event that is expected next
 * @throws EventsRefused
 */
export function takeEvents(history: RunHistory, { id, from, events }: ReportedEvents): number {
  if (!RUN_ID.test(id)) throw new EventsRefused(400, "the id is not one of a run");
  const known = readRunFile(history.directory, id);
  const [start] = known;
  if (start?.type === "start" && start.process !== undefined)
    throw new EventsRefused(409, "this run is recorded where the control centre runs");
  if (from > known.length) throw new EventsRefused(409, `event ${known.length} is expected next`);
  if (runBytes(history.directory, id) > MAX_RUN_BYTES) throw new EventsRefused(409, "this run is too large");
  const parsed = events.map((event, index) => parse(event, from + index));
  const added = parsed.slice(known.length - from);
  if (added.length > 0 && known.some(({ type }) => type === "end"))
    throw new EventsRefused(409, "this run has ended");
  const all = [...known, ...added];
  check(all, id, path.basename(history.directory));
  append(history, id, added, known.length === 0);
  return all.length;
}

function parse(event: unknown, number: number): RunEvent {
  const { data } = runEvent.safeParse(event);
  if (data === undefined) throw new EventsRefused(400, `event ${number} is not one of a run`);
  if (data.type !== "start") return data;
  // Of another machine: here it would name a different process.
  const { process: _process, recorder: _recorder, ...rest } = data;
  return rest;
}

function check(all: readonly RunEvent[], id: string, stack: string): void {
  const [start, ...rest] = all;
  if (start?.type !== "start") throw new EventsRefused(400, "the first event of a run is its start");
  if (start.id !== id) throw new EventsRefused(400, "the start names another run");
  if (start.stack !== stack) throw new EventsRefused(400, `this control centre shows the stack ${stack}`);
  if (rest.some(({ type }) => type === "start")) throw new EventsRefused(400, "a run has one start");
  const end = rest.findIndex(({ type }) => type === "end");
  if (end !== -1 && end !== rest.length - 1) throw new EventsRefused(400, "nothing follows the end of a run");
}

function append(history: RunHistory, id: string, added: readonly RunEvent[], isNew: boolean): void {
  try {
    appendEvents(history.directory, id, added);
    if (isNew) pruneRuns(history.directory);
  } catch (error) {
    throw new EventsRefused(503, `the run cannot be written: ${messageOf(error)}`);
  }
  history.reopen(id);
}
