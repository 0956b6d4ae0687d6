/**
 * The control centre's database: one SQLite file for each stack. What it holds of runs and hosts is an index that is
 * made again from files, outputs and hosts when the database is lost.
 */
import path from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { messageOf } from "../../lib/message-of.ts";
import { hasCode, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY } from "./codes.ts";
import { StoreNotWritable } from "./errors.ts";

export type Row = Readonly<Record<string, unknown>>;

/** The database's file of a stack. */
export const databaseFile = (directory: string, stack: string): string => path.join(directory, `${stack}.db`);

export class Database {
  readonly file: string;
  readonly #sql: DatabaseSync;
  readonly #release: () => void;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, sql: DatabaseSync, release: () => void) {
    this.file = file;
    this.#sql = sql;
    this.#release = release;
  }

  /** The rows of a query. */
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }

  /** The first row of a query. */
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  /**
   * Runs one statement that writes, inside of `write`.
   * @returns the number of rows that it changed
   */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /**
   * Does `work` in one transaction, which is on the disk when this returns; a throw undoes it.
   * @throws StoreNotWritable when the disk is full, read-only or broken; whatever `work` throws
   */
  write<T>(work: () => T): T {
    try {
      this.#sql.exec("BEGIN IMMEDIATE");
      const result = work();
      this.#sql.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite has undone the transaction itself after some errors of the disk.
      if (this.#sql.isTransaction) this.#sql.exec("ROLLBACK");
      if (!hasCode(error, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN)) throw error;
      throw new StoreNotWritable(
        `${this.file} cannot be written: ${messageOf(error)}; free space on its disk, and try again`,
        { cause: error },
      );
    }
  }

  close(): void {
    this.#statements.clear();
    this.#sql.close();
    this.#release();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#sql.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}
