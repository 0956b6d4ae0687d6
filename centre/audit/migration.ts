import type { Migration } from "../store/migration.ts";

/** Rows are only added. The columns are the keys of a record. */
export const AUDIT_MIGRATION: Migration = {
  name: "audit log",
  sql: `CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    act TEXT NOT NULL,
    who TEXT NOT NULL,
    door TEXT NOT NULL,
    role TEXT NOT NULL,
    capability TEXT NOT NULL,
    object TEXT NOT NULL,
    reason TEXT NOT NULL,
    result TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_act ON audit (act)`,
};
