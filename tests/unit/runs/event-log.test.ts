/** Reading an event log while it is written. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { EventLog } from "../../../runs/event-log.ts";
import { engine, logOf } from "./fixtures.ts";

const directory = mkdtempSync(path.join(tmpdir(), "pantheros-events-"));
let descriptor: number;
let log: EventLog;
let position: number;
beforeEach(() => {
  descriptor = openSync(path.join(directory, "log"), "w+");
  log = new EventLog(descriptor);
  position = 0;
});
afterEach(() => closeSync(descriptor));
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes where the engine would, whatever the reader's position is. */
const write = (text: string | Buffer) => {
  position += writeSync(descriptor, Buffer.from(text), 0, undefined, position);
};
/** As the engine does before the update. */
const empty = () => {
  ftruncateSync(descriptor, 0);
  position = 0;
};
const numbers = () => log.read().map(({ sequence }) => sequence);
const warnings = (count: number, text = "ö") =>
  logOf([
    engine.prelude,
    ...Array.from({ length: count }, (_, at) => engine.message("warning", `${text}${at}`)),
  ]);

test("what is new is read once, also when a line or a character comes in parts", () => {
  expect(numbers()).toEqual([]);
  const bytes = Buffer.from(warnings(3));
  const middle = bytes.indexOf(Buffer.from("ö")) + 1;
  write(bytes.subarray(0, middle));
  expect(numbers()).toEqual([0]);
  write(bytes.subarray(middle));
  expect(log.read().map(({ diagnosticEvent }) => diagnosticEvent?.message)).toEqual(["ö0", "ö1", "ö2"]);
  expect(numbers()).toEqual([]);
});

test.each([
  ["shorter than", 2],
  ["as long as", 5],
  ["longer than", 50],
])("a second log that is %s the first one is read from its start", (_, count) => {
  write(warnings(5, "a"));
  expect(numbers()).toHaveLength(6);
  empty();
  write(warnings(count, "b"));
  // One of the same length has the same bytes at the same places, and shows itself with its next event.
  write(`${JSON.stringify({ sequence: count + 1, timestamp: 1, ...engine.message("warning", "b-last") })}\n`);
  const messages = log.read().map(({ diagnosticEvent }) => diagnosticEvent?.message);
  expect(messages.filter((text) => text?.startsWith("a"))).toEqual([]);
  expect(messages.at(-1)).toBe("b-last");
});

test("an event that is not understood is left out, and those after it are read", () => {
  write('{"sequence":0,"timestamp":"soon"}\n{"sequence":1,"timestamp":1,"newEvent":{"secret":"x"}}\n');
  write(`${JSON.stringify({ sequence: 2, timestamp: 1, ...engine.message("warning", "w") })}\n`);
  expect(numbers()).toEqual([1, 2]);
  expect(numbers()).toEqual([]);
});

test("lines without numbers end", () => {
  write("no event\nno event\n");
  expect(numbers()).toEqual([]);
});
