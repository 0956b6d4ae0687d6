/** The audit log in the centre's database, with its copies. */
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import type { Database, Row } from "../store/database.ts";
import {
  type AuditEntry,
  type AuditRecord,
  auditRecord,
  copyLine,
  nextRecord,
  type Verdict,
  verifyChain,
} from "./chain.ts";
import { appendCopy, copyFile, readCopyFile } from "./copy-file.ts";

const COLUMNS = [
  "seq",
  "previous",
  "hash",
  "at",
  "act",
  "who",
  "door",
  "role",
  "capability",
  "object",
  "reason",
  "result",
  "detail",
] as const satisfies readonly (keyof AuditRecord)[];

const INSERT = `INSERT INTO audit (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;

/** Longer texts are cut. */
const MAX_TEXT = 1000;

/** What part of the log to show, the newest first. */
export interface AuditQuery {
  /** Only records before this number. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface AuditLogOptions {
  readonly database: Database;
  /** Prints a record's line, which a service's journal keeps. */
  readonly print?: (line: string) => void;
  /** Gets a line about what was restored, or could not be. */
  readonly report?: (line: string) => void;
  readonly now?: () => number;
}

export class AuditLog {
  readonly #database: Database;
  readonly #print: (line: string) => void;
  readonly #now: () => number;
  readonly #file: string;

  constructor({ database, print = () => {}, report = () => {}, now = Date.now }: AuditLogOptions) {
    this.#database = database;
    this.#print = print;
    this.#now = now;
    this.#file = copyFile(database.file);
    try {
      this.#restore(report);
      this.#completeCopy();
      this.#endInterrupted();
    } catch (error) {
      // Records can still be read. The next act tries to write again; when that fails, the act is refused.
      report(`the audit log could not be brought up to date: ${messageOf(error)}`);
    }
  }

  /**
   * Adds a record. It is in the database and in its copies when this returns.
   * @throws Error when it cannot be written anywhere; then the act must not begin
   */
  append(entry: Omit<AuditEntry, "at">): AuditRecord {
    const record = this.#database.write(() => {
      const next = nextRecord(this.#head(), {
        at: new Date(this.#now()).toISOString(),
        act: entry.act,
        who: oneLine(entry.who, MAX_TEXT),
        door: entry.door,
        role: oneLine(entry.role, MAX_TEXT),
        capability: entry.capability,
        object: oneLine(entry.object, MAX_TEXT),
        reason: oneLine(entry.reason, MAX_TEXT),
        result: entry.result,
        detail: oneLine(entry.detail, MAX_TEXT),
      });
      this.#insert(next);
      return next;
    });
    appendCopy(this.#file, record);
    this.#print(copyLine(record));
    return record;
  }

  /** Records, the newest first. */
  read(query: AuditQuery): readonly AuditRecord[] {
    return auditRecords(this.#database, query);
  }

  /** The records of one act, the oldest first. */
  ofAct(act: string): readonly AuditRecord[] {
    return this.#database.all("SELECT * FROM audit WHERE act = ? ORDER BY seq", act).flatMap(recordsOf);
  }

  /** Checks the whole chain and its copy on this machine. */
  verify(): Verdict {
    return verifyAudit(this.#database);
  }

  #head(): Pick<AuditRecord, "seq" | "hash"> | undefined {
    const row = this.#database.get("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
    return row && { seq: Number(row["seq"]), hash: String(row["hash"]) };
  }

  #insert(record: AuditRecord): void {
    this.#database.run(INSERT, ...COLUMNS.map((column) => record[column]));
  }

  /** A new database takes the records from the copy, when that is whole. */
  #restore(report: (line: string) => void): void {
    if (this.#head() !== undefined) return;
    const copies = readCopyFile(this.#file);
    if (copies.length === 0) return;
    const { problems } = verifyChain(copies);
    this.#database.write(() => {
      for (const record of copies) {
        // What does not fit the chain is kept as it is, so that a check still finds it.
        if (this.#database.get("SELECT seq FROM audit WHERE seq = ?", record.seq) === undefined)
          this.#insert(record);
      }
    });
    const fit = problems.length === 0 ? "" : `; it does not verify: ${problems.join("; ")}`;
    report(`the audit log of ${copies.length} records was restored from ${this.#file}${fit}`);
  }

  /** The centre may have ended between a record and its copy. */
  #completeCopy(): void {
    const last = readCopyFile(this.#file).at(-1)?.seq ?? 0;
    const rows = this.#database.all("SELECT * FROM audit WHERE seq > ? ORDER BY seq", last);
    for (const record of rows.flatMap(recordsOf)) appendCopy(this.#file, record);
  }

  /** An act without an end was running when the centre ended. */
  #endInterrupted(): void {
    const open = this.#database.all(
      "SELECT * FROM audit AS begun WHERE result = 'begun' AND NOT EXISTS (SELECT 1 FROM audit WHERE act = begun.act AND seq > begun.seq)",
    );
    for (const { act, who, door, role, capability, object, reason } of open.flatMap(recordsOf)) {
      const detail = "the control centre ended while the act was running";
      this.append({ act, who, door, role, capability, object, reason, result: "unknown", detail });
    }
  }
}

/** Records of a database, the newest first. */
export const auditRecords = (
  database: Pick<Database, "all">,
  { before, limit }: AuditQuery,
): readonly AuditRecord[] =>
  database
    .all("SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?", before ?? 2 ** 52, limit)
    .flatMap(recordsOf);

/** One record, or none when somebody has changed the row so that it is none. */
function recordsOf(row: Row): readonly AuditRecord[] {
  const read = auditRecord.safeParse({ ...row });
  return read.success ? [read.data] : [];
}

/**
 * Checks the audit log of a database and its copy on this machine.
 * @param copies of records from other places, such as a journal (`readCopies`)
 */
export function verifyAudit(
  database: Pick<Database, "all" | "file">,
  copies: readonly AuditRecord[] = [],
): Verdict {
  const records = database.all("SELECT * FROM audit ORDER BY seq").flatMap(recordsOf);
  return verifyChain(records, [...readCopyFile(copyFile(database.file)), ...copies]);
}
