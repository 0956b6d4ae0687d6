import type { Migration } from "../../../centre/store/migration.ts";

export const TEST_MIGRATIONS: readonly Migration[] = [
  { name: "entries", sql: "CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT" },
  {
    name: "parts",
    sql: "CREATE TABLE part (entry INTEGER NOT NULL REFERENCES entry (id), id INTEGER PRIMARY KEY) STRICT",
  },
];
