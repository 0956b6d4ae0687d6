/**
 * Keeps the latest state of the fleet, so that a page never waits for a host. One read runs at a time; a read that
 * fails keeps the state of before, with the error beside it.
 */
import { messageOf } from "../lib/message-of.ts";
import type { FleetFacts } from "../status/detail.ts";
import type { ReadFleet } from "./fleet.ts";

export interface Snapshot {
  /** Undefined: no read has succeeded yet. */
  readonly fleet: FleetFacts | undefined;
  /** Why the last read failed. */
  readonly problem: string | undefined;
  /** Counts the changes of what is shown; a page names it, to see whether it is up to date. */
  readonly revision: number;
}

/** A state older than this is read again when a page is opened. */
const STALE_MS = 10_000;

/** Time between two reads while a page is open. A status costs a host 0.15 s of processor time. */
const SWEEP_MS = 30_000;

/** What a page shows of a snapshot, without the time, which changes at each read. */
const content = ({ fleet, problem }: Pick<Snapshot, "fleet" | "problem">): string =>
  JSON.stringify({ problem, fleet: fleet && { ...fleet, status: { ...fleet.status, at: "" } } });

export class Collector {
  readonly #read: ReadFleet;
  readonly #now: () => number;
  readonly #listeners = new Set<(revision: number) => void>();
  #snapshot: Snapshot = { fleet: undefined, problem: undefined, revision: 0 };
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(read: ReadFleet, now: () => number = Date.now) {
    this.#read = read;
    this.#now = now;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Reads the outputs, so that there is something to show, and begins to ask the hosts. */
  async start(): Promise<void> {
    await this.#take(false);
    void this.refresh();
  }

  /** Asks the hosts, unless that is under way; resolves when the answers are there. */
  refresh(): Promise<void> {
    this.#reading ??= this.#take(true).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Begins to ask the hosts when the state is old; does not wait. */
  refreshIfStale(): void {
    if (this.#now() - this.#readAt >= STALE_MS) void this.refresh();
  }

  /** Calls `listener` at each change, and asks the hosts regularly, until the returned function is called. */
  subscribe(listener: (revision: number) => void): () => void {
    this.#listeners.add(listener);
    this.#sweep ??= setInterval(() => void this.refresh(), SWEEP_MS).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    };
  }

  async #take(ask: boolean): Promise<void> {
    const before = this.#snapshot;
    let next: Pick<Snapshot, "fleet" | "problem">;
    try {
      next = { fleet: await this.#read(ask), problem: undefined };
    } catch (error) {
      next = { fleet: before.fleet, problem: messageOf(error) };
    }
    this.#readAt = this.#now();
    const isChanged = content(next) !== content(before);
    this.#snapshot = { ...next, revision: before.revision + (isChanged ? 1 : 0) };
    if (isChanged) for (const listener of this.#listeners) listener(this.#snapshot.revision);
  }
}
