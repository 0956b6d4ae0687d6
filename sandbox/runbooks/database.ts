import { failsOn, firstProblems } from "./checks.ts";
import { DATABASE, DB } from "./fleet.ts";
import type { Runbook, World } from "./types.ts";

const TEXT = "remember the milk";

/** Runs SQL as PostgreSQL's administrator. */
const sql = (world: World, statement: string) =>
  world.onHost(
    DB,
    `psql --username=postgres --dbname=${DATABASE} --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --file=-`,
    statement,
  );

/** Runs a script on the database's host. @throws Error when it fails */
async function must(world: World, script: string): Promise<void> {
  const { code, stderr } = await world.onHost(DB, script);
  if (code !== 0) throw new Error(`${DB}: ${script}: ${stderr.trim()}`);
}

export const database: Runbook = {
  name: "database",
  title: "A database is lost",
  budget: "database",
  noticed: "PostgreSQL does not start, reports damaged pages, or has lost its disk.",
  values: { HOST: DB, DATABASE },
  async prepare(world) {
    await must(world, "systemctl start postgresql.service");
    const made = await sql(
      world,
      `drop table if exists note; create table note (text text); alter table note owner to ${DATABASE}; insert into note values ('${TEXT}');`,
    );
    if (made.code !== 0) throw new Error(`${DB}: ${made.stderr.trim()}`);
    await must(world, "pantheros-postgres dump");
  },
  broken: "PostgreSQL's directory on db is deleted; the service starts with an empty one",
  async breaks(world) {
    await must(
      world,
      "systemctl stop postgresql.service && rm -rf /var/lib/postgresql/data && systemctl start postgresql.service",
    );
    return {};
  },
  steps: [{ on: "host", text: "pantheros-postgres restore DATABASE --replace" }],
  restored: "the rows of the last dump are back, in a database of the same name and owner",
  problems: (world) =>
    firstProblems(
      () =>
        failsOn(world, {
          host: DB,
          script: "systemctl is-active --quiet postgresql.service",
          problem: "PostgreSQL does not run",
        }),
      async () => {
        const { code, stdout, stderr } = await sql(world, "select text from note;");
        if (code !== 0) return [`${DB}: ${stderr.trim()}`];
        return stdout.trim() === TEXT ? [] : [`${DB}: the table has ${JSON.stringify(stdout.trim())}`];
      },
      async () => {
        const { stdout } = await sql(
          world,
          `select pg_get_userbyid(datdba) from pg_database where datname = '${DATABASE}';`,
        );
        return stdout.trim() === DATABASE ? [] : [`${DB}: the database belongs to ${stdout.trim()}`];
      },
    ),
  notes:
    "Stop the service that uses the database first (`systemctl stop SERVICE`), and start it afterwards. Dumps are made every night, so at most a day is lost; `pantheros-postgres list DATABASE` shows them, and `--at TIME` restores an earlier one. Without `--replace` the dump is restored beside the database, to look at it first. [More](operations.md#a-database-is-damaged-or-rows-were-deleted-by-mistake).",
};
