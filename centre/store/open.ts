/** Opens the control centre's database: locks it, checks that it is whole, and adds the tables that it lacks. */
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../lib/message-of.ts";
import { hasCode, SQLITE_CORRUPT, SQLITE_NOTADB } from "./codes.ts";
import { Database, databaseFile } from "./database.ts";
import { StoreTooNew } from "./errors.ts";
import { lockFile } from "./lock.ts";
import type { Migration } from "./migration.ts";
import { MIGRATIONS } from "./migrations.ts";

/** A statement waits this long for another process that writes, such as a backup. */
const BUSY_MS = 5000;

export interface OpenOptions {
  /** Made with mode 0700 when it is missing. */
  readonly directory: string;
  /** Short name of the stack, which names the file. */
  readonly stack: string;
  /** Gets a line about what was repaired. */
  readonly report: (line: string) => void;
  readonly migrations?: readonly Migration[];
}

/**
 * Opens the database of a stack. A file that is not whole is set aside, and a new one is made.
 * @throws StoreInUse when another control centre has it open; StoreTooNew; Error when the directory cannot be used
 */
export function openDatabase({ directory, stack, report, migrations = MIGRATIONS }: OpenOptions): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = databaseFile(directory, stack);
  const lock = `${file}-lock`;
  createPrivate(lock);
  const release = lockFile(lock);
  try {
    return new Database(file, openWhole(file, report, migrations), release);
  } catch (error) {
    release();
    throw error;
  }
}

const isDamage = (error: unknown): boolean => hasCode(error, SQLITE_CORRUPT, SQLITE_NOTADB);

function openWhole(
  file: string,
  report: (line: string) => void,
  migrations: readonly Migration[],
): DatabaseSync {
  try {
    return openFile(file, migrations);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = setAside(file);
    report(
      `${file} is damaged (${messageOf(error)}): it is now ${aside}, and a new one is made from the runs' files, the outputs and the hosts`,
    );
    return openFile(file, migrations);
  }
}

function openFile(file: string, migrations: readonly Migration[]): DatabaseSync {
  createPrivate(file);
  const sql = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    const check = sql.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (check !== "ok") throw Object.assign(new Error(String(check)), { errcode: SQLITE_CORRUPT });
    migrate(sql, file, migrations);
    return sql;
  } catch (error) {
    sql.close();
    throw error;
  }
}

/** SQLite gives the files beside it, `-wal` and `-shm`, the mode of the database. */
const createPrivate = (file: string): void => closeSync(openSync(file, "a", 0o600));

function migrate(sql: DatabaseSync, file: string, migrations: readonly Migration[]): void {
  const version = Number(sql.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version > migrations.length)
    throw new StoreTooNew(
      `${file} was made by a newer version of PantherOS (schema ${version}, this version has ${migrations.length}): update this checkout, or move the file away`,
    );
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    try {
      // One transaction: a kill leaves the schema of before.
      sql.exec(`BEGIN IMMEDIATE; ${step.sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
    } catch (error) {
      if (sql.isTransaction) sql.exec("ROLLBACK");
      if (isDamage(error)) throw error;
      throw new Error(`${file}: ${step.name}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Renames a database and what belongs to it, and returns its new name. */
function setAside(file: string): string {
  const aside = `${file}.damaged-${new Date().toISOString().replaceAll(":", "")}`;
  renameSync(file, aside);
  for (const suffix of ["-wal", "-shm"]) {
    try {
      renameSync(`${file}${suffix}`, `${aside}${suffix}`);
    } catch {
      rmSync(`${file}${suffix}`, { force: true });
    }
  }
  return aside;
}
