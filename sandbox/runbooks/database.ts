import { DATABASE, DB } from "./fleet.ts";
import { makeAndDump, mustRun, rowProblems } from "./rows.ts";
import type { Runbook } from "./types.ts";

export const database: Runbook = {
  name: "database",
  title: "A database is lost",
  noticed: "PostgreSQL does not start, reports damaged pages, or has lost its disk.",
  values: { HOST: DB, DATABASE },
  prepare: makeAndDump,
  broken: "PostgreSQL's directory on db is deleted; the service starts with an empty one",
  async breaks(world) {
    await mustRun(
      world,
      "systemctl stop postgresql.service && rm -rf /var/lib/postgresql/data && systemctl start postgresql.service",
    );
    return {};
  },
  steps: [{ on: "host", text: "pantheros-postgres restore DATABASE --replace" }],
  restored: "the rows of the last dump are back, in a database of the same name and owner",
  problems: rowProblems,
  notes:
    "Stop the service that uses the database first (`systemctl stop SERVICE`), and start it afterwards. Dumps are made every night, so at most a day is lost; `pantheros-postgres list DATABASE` shows them, and `--at TIME` restores an earlier one. Without `--replace` the dump is restored beside the database, to look at it first. [More](operations.md#a-database-is-damaged-or-rows-were-deleted-by-mistake).",
};
