/**
 * Past runs and the one that is under way. Files of runs that have ended are read into the database once; a run that is under way
 * is followed in memory.
 */
import { type FSWatcher, mkdirSync, watch } from "node:fs";
import { messageOf } from "../../lib/message-of.ts";
import { listRunIds } from "../../runs/files.ts";
import { RunFollower } from "../../runs/follow.ts";
import { type Run, type RunOutcome, type RunSummary, summaryOf } from "../../runs/run.ts";
import type { HostDetail } from "../../status/detail.ts";
import type { Database, Row } from "../store/database.ts";

/** Runs that the database keeps. */
const MAX_RUNS = 10_000;
/** Files that are read before other work gets its turn. */
const BATCH = 20;
/** Changes of the directory within this time are read together; pages follow at this pace. */
const SETTLE_MS = 300;
/** Time between two looks at the directory, beside its changes: whether a process still runs is not among them. */
const LOOK_MS = 5_000;
/** A host's report of a deploy is that of a run when both are this close; the clocks of hosts differ. */
const SAME_DEPLOY_SECONDS = 600;

export interface RunQuery {
  /** Runs that are older than this one. */
  readonly before?: string | undefined;
  readonly command?: string | undefined;
  readonly limit: number;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  /** `before` of the next page; absent: this is the last one. */
  readonly next?: string;
}

/** A deploy of one host; an absent field is unknown. */
export interface HostDeploy {
  readonly at: string;
  /** Absent: a deploy that no recorded run made; the host reports it. */
  readonly run?: string;
  readonly outcome?: RunOutcome;
  readonly step?: string;
  readonly reason?: string;
  readonly closure?: string;
  readonly by?: string;
  readonly commit?: string;
  readonly dirty?: boolean;
}

export interface HistoryOptions {
  readonly database: Database;
  /** Directory of the runs' files. */
  readonly directory: string;
  readonly now?: () => number;
}

export class RunHistory {
  readonly #database: Database;
  readonly #directory: string;
  readonly #now: () => number;
  readonly #listeners = new Set<(revision: number) => void>();
  /** Runs without an end, and those that could not be written. */
  readonly #live = new Map<string, RunFollower>();
  readonly #indexed: Set<string>;
  #problem: string | undefined;
  #revision = 0;
  #watcher: FSWatcher | undefined;
  #look: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  constructor({ database, directory, now = Date.now }: HistoryOptions) {
    this.#database = database;
    this.#directory = directory;
    this.#now = now;
    this.#indexed = new Set(database.all("SELECT id FROM run").map(({ id }) => String(id)));
  }

  /** Counts the changes of what is shown. */
  get revision(): number {
    return this.#revision;
  }

  /** Why the newest runs are not in the database; they are shown all the same. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get directory(): string {
    return this.#directory;
  }

  /** Reads the directory and follows its changes until `close`. */
  start(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    try {
      this.#watcher = watch(this.#directory, () => this.#readSoon()).on("error", () => {});
    } catch {
      // The system has no more watches: the regular look finds changes, later.
    }
    this.#look = setInterval(() => this.#readSoon(), LOOK_MS).unref();
    void this.read();
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#look);
    clearTimeout(this.#settle);
  }

  /** Calls `listener` at each change until the returned function is called. */
  subscribe(listener: (revision: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads what is new in the directory. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** More events of a run that was taken for interrupted have arrived. */
  reopen(id: string): void {
    this.#indexed.delete(id);
    this.#readSoon();
  }

  list({ before, command, limit }: RunQuery): RunPage {
    const live = this.#liveRuns()
      .filter(({ id }) => before === undefined || id < before)
      .filter((run) => command === undefined || run.command === command)
      .map(summaryOf);
    const rows = this.#database.all(
      `SELECT summary FROM run WHERE id < ? ${command === undefined ? "" : "AND command = ?"} ORDER BY id DESC LIMIT ?`,
      ...[before ?? "~", ...(command === undefined ? [] : [command]), limit + 1],
    );
    const known = new Set(live.map(({ id }) => id));
    const past = rows
      .map(({ summary }) => JSON.parse(String(summary)) as RunSummary)
      .filter(({ id }) => !known.has(id));
    const all = [...live, ...past].sort((a, b) => (a.id < b.id ? 1 : -1));
    const runs = all.slice(0, limit);
    const last = runs.at(-1)?.id;
    return { runs, ...(all.length > limit && last !== undefined && { next: last }) };
  }

  get(id: string): Run | undefined {
    const live = this.#live.get(id)?.run(this.#now());
    if (live !== undefined) return live;
    const row = this.#database.get("SELECT detail FROM run WHERE id = ?", id);
    return row && (JSON.parse(String(row["detail"])) as Run);
  }

  /** Deploys of a host, the newest first. `before`: the time of the last one of the page before. */
  deploys(
    host: string,
    { before, limit }: Pick<RunQuery, "before" | "limit">,
  ): { readonly deploys: readonly HostDeploy[]; readonly next?: string } {
    const rows = this.#database.all(
      "SELECT * FROM deploy WHERE host = ? AND at < ? ORDER BY at DESC LIMIT ?",
      host,
      before ?? "~",
      limit + 1,
    );
    const deploys = rows.slice(0, limit).map(hostDeploy);
    const last = deploys.at(-1)?.at;
    return { deploys, ...(rows.length > limit && last !== undefined && { next: last }) };
  }

  /** Adds the deploys that the hosts and the outputs report, for runs that were made elsewhere. */
  addReported(hosts: readonly HostDetail[]): void {
    const found = hosts.flatMap(({ status, deployed }) => {
      const at = deployed && rfc3339(deployed.at);
      return at === undefined || deployed === undefined ? [] : [{ host: status.name, at, deployed }];
    });
    const missing = found.filter(({ host, at }) => !this.#isKnown(host, at));
    if (missing.length === 0) return;
    this.#write(() => {
      for (const { host, at, deployed } of missing)
        this.#database.run(
          `INSERT INTO deploy (host, at, outcome, "by", "commit", dirty) VALUES (?, ?, 'confirmed', ?, ?, ?)`,
          host,
          at,
          deployed.by?.slice(0, 300) ?? null,
          deployed.commit?.slice(0, 64) ?? null,
          deployed.dirty === undefined ? null : Number(deployed.dirty),
        );
    });
    this.#changed();
  }

  #isKnown(host: string, at: string): boolean {
    const near = (seconds: number) => new Date(Date.parse(at) + seconds * 1000).toISOString();
    const known = this.#database.get(
      `SELECT 1 FROM deploy WHERE host = ? AND (at = ? OR
        (run IS NOT NULL AND outcome IN ('confirmed', 'staged') AND at BETWEEN ? AND ?))`,
      host,
      at,
      near(-SAME_DEPLOY_SECONDS),
      near(SAME_DEPLOY_SECONDS),
    );
    return known !== undefined;
  }

  #readSoon(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      void this.read();
    }, SETTLE_MS).unref();
  }

  async #read(): Promise<void> {
    const ids = listRunIds(this.#directory);
    let isChanged = false;
    for (let begin = 0; begin < ids.length; begin += BATCH) {
      const ended: Run[] = [];
      for (const id of ids.slice(begin, begin + BATCH)) {
        if (this.#indexed.has(id)) continue;
        const follower = this.#live.get(id) ?? new RunFollower(this.#directory, id);
        const before = this.#live.has(id);
        isChanged = follower.read() || isChanged;
        const run = follower.run(this.#now());
        if (run === undefined) continue;
        this.#live.set(id, follower);
        if (run.state !== "running") ended.push(run);
        else isChanged ||= !before;
      }
      if (ended.length > 0) {
        isChanged = true;
        this.#index(ended);
      }
      await new Promise((resume) => setImmediate(resume));
    }
    const present = new Set(ids);
    for (const id of this.#live.keys()) if (!present.has(id)) this.#live.delete(id);
    if (isChanged) this.#changed();
  }

  #index(runs: readonly Run[]): void {
    const isWritten = this.#write(() => {
      for (const run of runs) insertRun(this.#database, run);
      this.#database.run(
        "DELETE FROM run WHERE id <= (SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?)",
        MAX_RUNS,
      );
    });
    if (!isWritten) return;
    for (const { id } of runs) {
      this.#indexed.add(id);
      this.#live.delete(id);
    }
  }

  /** Whether it was written; on a full disk the runs stay in memory, and the next reading tries again. */
  #write(work: () => void): boolean {
    try {
      this.#database.write(work);
      this.#problem = undefined;
      return true;
    } catch (error) {
      this.#problem = messageOf(error);
      return false;
    }
  }

  #liveRuns(): Run[] {
    return [...this.#live.values()].flatMap((follower) => follower.run(this.#now()) ?? []);
  }

  #changed(): void {
    this.#revision += 1;
    for (const listener of this.#listeners) listener(this.#revision);
  }
}

function insertRun(database: Database, run: Run): void {
  database.run("DELETE FROM run WHERE id = ?", run.id);
  database.run(
    "INSERT INTO run (id, command, state, summary, detail) VALUES (?, ?, ?, ?, ?)",
    ...[run.id, run.command, run.state, JSON.stringify(summaryOf(run)), JSON.stringify(run)],
  );
  if (run.command === "preview") return;
  for (const host of run.hosts) {
    if (!host.changed) continue;
    const at = rfc3339(host.endedAt ?? run.endedAt ?? run.startedAt) ?? run.startedAt;
    const near = (seconds: number) => new Date(Date.parse(at) + seconds * 1000).toISOString();
    // The host's own report of the same deploy.
    if (host.outcome === "confirmed")
      database.run(
        "DELETE FROM deploy WHERE host = ? AND run IS NULL AND at BETWEEN ? AND ?",
        ...[host.name, near(-SAME_DEPLOY_SECONDS), near(SAME_DEPLOY_SECONDS)],
      );
    database.run(
      `INSERT INTO deploy (host, at, run, outcome, step, reason, closure, "by", "commit", dirty)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[host.name, at, run.id, host.outcome ?? null, host.step ?? null, host.reason ?? null],
      ...[host.closure ?? null, run.by ?? null, run.commit ?? null],
      run.dirty === undefined ? null : Number(run.dirty),
    );
  }
}

/** The time in one form, so that texts sort by it; undefined when it is none. */
function rfc3339(at: string): string | undefined {
  const time = Date.parse(at);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function hostDeploy(row: Row): HostDeploy {
  const optional = (key: string) => {
    const value = text(row[key]);
    return value !== undefined && { [key]: value };
  };
  return {
    at: String(row["at"]),
    ...optional("run"),
    ...(row["outcome"] !== null && { outcome: row["outcome"] as RunOutcome }),
    ...optional("step"),
    ...optional("reason"),
    ...optional("closure"),
    ...optional("by"),
    ...optional("commit"),
    ...(row["dirty"] !== null && { dirty: row["dirty"] === 1 }),
  };
}
