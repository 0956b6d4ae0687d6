/**
 * A lock that one process holds while it has the database open. SQLite's own lock of a second, empty database: the
 * kernel releases it when the process ends, however it ends, so no lock is ever left behind.
 */
import { DatabaseSync } from "node:sqlite";
import { hasCode, SQLITE_BUSY } from "./codes.ts";
import { StoreInUse } from "./errors.ts";

/**
 * Takes the lock and returns the function that releases it.
 * @throws StoreInUse
 */
export function lockFile(file: string): () => void {
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written, so no file of a journal is needed.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (!hasCode(error, SQLITE_BUSY)) throw error;
    throw new StoreInUse(
      `another control centre of this stack is running and holds ${file}: end it, or give this one another --state-directory`,
    );
  }
  return () => lock.close();
}
