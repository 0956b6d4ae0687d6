/** Follows the file of one run while it grows. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parseEvent } from "./contract.ts";
import { runFile } from "./files.ts";
import { isRunning } from "./process.ts";
import { type Run, RunBuilder } from "./run.ts";

const CHUNK_BYTES = 1 << 18;

export class RunFollower {
  readonly #file: string;
  readonly #builder = new RunBuilder();
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);
  #changedAt = 0;

  constructor(directory: string, id: string) {
    this.#file = runFile(directory, id);
  }

  /** Reads what is new; whether there was anything. A file that cannot be read has nothing new. */
  read(): boolean {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, "r");
    } catch {
      return false;
    }
    try {
      this.#changedAt = fstatSync(descriptor).mtimeMs;
      const before = this.#position;
      while (this.#readNext(descriptor));
      return this.#position > before;
    } catch {
      return false;
    } finally {
      closeSync(descriptor);
    }
  }

  /** The run so far; undefined before its start is in the file. */
  run(now: number): Run | undefined {
    const isAlive = isRunning(this.#builder.start, this.#changedAt, now);
    // The end may have been written since the last reading.
    if (!isAlive && !this.#builder.hasEnded) this.read();
    return this.#builder.build(isAlive);
  }

  #readNext(descriptor: number): boolean {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const read = readSync(descriptor, chunk, 0, chunk.length, this.#position);
    if (read === 0) return false;
    this.#position += read;
    const bytes = Buffer.concat([this.#rest, chunk.subarray(0, read)]);
    const end = bytes.lastIndexOf(0x0a);
    this.#rest = bytes.subarray(end + 1);
    for (const line of end === -1 ? [] : bytes.subarray(0, end).toString("utf8").split("\n")) {
      const event = parseEvent(line);
      if (event !== undefined) this.#builder.add(event);
    }
    return true;
  }
}
