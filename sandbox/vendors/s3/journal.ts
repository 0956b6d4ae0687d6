import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../store.ts";

/** A request that changed something, in the form in which it is replayed to a new moto. */
export interface Entry {
  /** Number of the entry: names its body, and seeds moto's random source so that version ids are reproducible. */
  n: number;
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  hasBody: boolean;
  /** moto's upload id, for requests that began a multipart upload. */
  uploadId?: string;
}

const bucketOf = (target: string) => target.split("?")[0]?.split("/")[1] ?? "";
const isBucketDeletion = (entry: Entry) => entry.method === "DELETE" && /^\/[^/?]+\/?$/.test(entry.target);

/** Drops the entries of buckets that were deleted later. */
export function compact(entries: Entry[]): Entry[] {
  const lastDeletion = new Map<string, number>();
  for (const entry of entries) if (isBucketDeletion(entry)) lastDeletion.set(bucketOf(entry.target), entry.n);
  return entries.filter((entry) => entry.n > (lastDeletion.get(bucketOf(entry.target)) ?? -1));
}

/**
 * All acknowledged changes, in order: one line per entry in `journal.jsonl`, bodies as files. moto keeps its
 * state in memory; a replay of the journal restores it.
 */
export class Journal {
  readonly #dir: string;
  readonly #file: number;
  readonly entries: Entry[];
  #next: number;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(join(dir, "bodies"), { recursive: true, mode: 0o700 });
    const path = join(dir, "journal.jsonl");
    this.entries = compact(existsSync(path) ? readLines(readFileSync(path, "utf8")) : []);
    writeAtomically(path, this.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const kept = new Set(this.entries.filter((entry) => entry.hasBody).map((entry) => String(entry.n)));
    for (const name of readdirSync(join(dir, "bodies"))) {
      if (!kept.has(name)) rmSync(join(dir, "bodies", name));
    }
    this.#next = (this.entries.at(-1)?.n ?? 0) + 1;
    this.#file = openSync(path, "a", 0o600);
  }

  /** Number for a new request. Failed requests leave gaps. */
  reserve(): number {
    return this.#next++;
  }

  bodyPath(n: number): string {
    return join(this.#dir, "bodies", String(n));
  }

  /** Writes an entry to disk; the request may be acknowledged afterwards. */
  append(entry: Entry): void {
    this.entries.push(entry);
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
    fsyncSync(this.#file);
  }

  discard(n: number): void {
    rmSync(this.bodyPath(n), { force: true });
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Drops an incomplete last line: a crash cut it off before it was acknowledged. */
export function readLines(text: string): Entry[] {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Entry);
}
