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

/** A request that changed something, as it has to be sent again to a moto that knows nothing. */
export interface Entry {
  /** Number of the entry: seeds moto's random source, so that version ids come out the same, and names the body. */
  n: number;
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  hasBody: boolean;
  /** Upload id that moto answered, for requests that began a multipart upload. */
  uploadId?: string;
}

const bucketOf = (target: string) => target.split("?")[0]?.split("/")[1] ?? "";
const isBucketDeletion = (entry: Entry) => entry.method === "DELETE" && /^\/[^/?]+\/?$/.test(entry.target);

/** Entries that still matter: those about a bucket that was deleted later do not. */
export function compact(entries: Entry[]): Entry[] {
  const lastDeletion = new Map<string, number>();
  for (const entry of entries) if (isBucketDeletion(entry)) lastDeletion.set(bucketOf(entry.target), entry.n);
  return entries.filter((entry) => entry.n > (lastDeletion.get(bucketOf(entry.target)) ?? -1));
}

/**
 * Everything acknowledged, in order: one line per entry in `journal.jsonl`, bodies as files. moto keeps its state in
 * memory only; playing the journal back restores it.
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

  /** Number for a request under way. Gaps are fine: not every request succeeds. */
  reserve(): number {
    return this.#next++;
  }

  bodyPath(n: number): string {
    return join(this.#dir, "bodies", String(n));
  }

  /** Makes an entry last; after this the request may be acknowledged. */
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

/** A last line cut off by a crash was never acknowledged. */
export function readLines(text: string): Entry[] {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Entry);
}
