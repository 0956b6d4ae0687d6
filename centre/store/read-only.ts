/** Reads a control centre's database beside the centre that has it open. */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../lib/message-of.ts";
import { type Database, databaseFile, type Row } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";

export type ReadOnlyDatabase = Pick<Database, "all" | "file" | "close">;

/**
 * Opens the database of a stack for reading; nothing is repaired or migrated.
 * @returns undefined when there is none
 * @throws Error when it is damaged, or was made by a different version
 */
export function openReadOnly(directory: string, stack: string): ReadOnlyDatabase | undefined {
  const file = databaseFile(directory, stack);
  if (!existsSync(file)) return undefined;
  try {
    const sql = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    const version = Number(sql.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version !== MIGRATIONS.length) {
      sql.close();
      throw new Error(
        `it has schema ${version}, and this version has ${MIGRATIONS.length}: start \`tools/pantheros centre\` of this checkout once`,
      );
    }
    return {
      file,
      all: (query, ...values): readonly Row[] => sql.prepare(query).all(...values),
      close: () => sql.close(),
    };
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`);
  }
}
