/**
 * Reads the engine's event log while the engine writes it. An `up` with a preview writes two logs into the same file:
 * the engine empties it before the second one. The numbers of the events show that, whatever was read in between.
 */
import { fstatSync, readSync } from "node:fs";
import { type EngineEvent, readEngineEvent } from "./engine.ts";

const CHUNK_BYTES = 1 << 20;
const NUMBER = /^\{"sequence":(\d+)[,}]/;
/** More logs than a run writes: after these, the numbers of the events are not understood and are ignored. */
const MAX_RESTARTS = 4;

export class EventLog {
  readonly #descriptor: number;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);
  #next = 0;
  #restarts = 0;

  /** @param descriptor an open file; its position is not used */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** The events that were written since the last call. */
  read(): EngineEvent[] {
    if (fstatSync(this.#descriptor).size < this.#position) this.#restart();
    for (;;) {
      const events = this.#readNext();
      if (events !== undefined) return events;
      this.#restart();
    }
  }

  #restart(): void {
    this.#position = 0;
    this.#rest = Buffer.alloc(0);
    this.#next = 0;
    this.#restarts += 1;
  }

  /** Undefined: the log was begun again. */
  #readNext(): EngineEvent[] | undefined {
    const events: EngineEvent[] = [];
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const read = readSync(this.#descriptor, chunk, 0, chunk.length, this.#position);
      if (read === 0) return events;
      this.#position += read;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, read)]);
      const end = bytes.lastIndexOf(0x0a);
      this.#rest = bytes.subarray(end + 1);
      for (const line of end === -1 ? [] : bytes.subarray(0, end).toString("utf8").split("\n")) {
        const number = Number(NUMBER.exec(line)?.[1]);
        if (number !== this.#next && this.#restarts < MAX_RESTARTS) return undefined;
        this.#next = number + 1;
        const event = readEngineEvent(line);
        if (event !== undefined) events.push(event);
      }
    }
  }
}
