/** The tables of past runs and deploys; an index of the runs' files and of what the hosts report. */
import type { Migration } from "../store/migration.ts";

export const RUN_TABLES: Migration = {
  name: "runs",
  sql: `
    -- Ids sort by time. A run that goes on is not here.
    CREATE TABLE run (
      id TEXT PRIMARY KEY,
      command TEXT NOT NULL,
      state TEXT NOT NULL,
      summary TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX run_command ON run (command, id);
    -- What happened to each host; run is NULL when only the host reports it.
    CREATE TABLE deploy (
      host TEXT NOT NULL,
      at TEXT NOT NULL,
      run TEXT REFERENCES run (id) ON DELETE CASCADE,
      outcome TEXT,
      step TEXT,
      reason TEXT,
      closure TEXT,
      "by" TEXT,
      "commit" TEXT,
      dirty INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX deploy_host ON deploy (host, at, run);
    CREATE INDEX deploy_run ON deploy (run)`,
};
