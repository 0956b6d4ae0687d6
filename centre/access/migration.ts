import type { Migration } from "../store/migration.ts";

/** A token is only its sum here. Times are milliseconds since 1970. */
export const TOKENS_MIGRATION: Migration = {
  name: "tokens of the API",
  sql: `CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    sum TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    role TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT`,
};
