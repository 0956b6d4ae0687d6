/** A table in the database of the rehearsals: made, dumped, and looked for after a recovery. */
import { failsOn, firstProblems } from "./checks.ts";
import { DATABASE, DB } from "./fleet.ts";
import type { World } from "./types.ts";

const TEXT = "remember the milk";

/** Runs SQL as PostgreSQL's administrator. */
const sql = (world: World, statement: string) =>
  world.onHost(
    DB,
    `psql --username=postgres --dbname=${DATABASE} --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --file=-`,
    statement,
  );

/** Runs a script on the database's host. @throws Error when it fails */
export async function mustRun(world: World, script: string): Promise<void> {
  const { code, stderr } = await world.onHost(DB, script);
  if (code !== 0) throw new Error(`${DB}: ${script}: ${stderr.trim()}`);
}

/** Makes the rows and a dump that has them. */
export async function makeAndDump(world: World): Promise<void> {
  await mustRun(world, "systemctl start postgresql.service");
  const made = await sql(
    world,
    `drop table if exists note; create table note (text text); alter table note owner to ${DATABASE}; insert into note values ('${TEXT}');`,
  );
  if (made.code !== 0) throw new Error(`${DB}: ${made.stderr.trim()}`);
  await mustRun(world, "pantheros-postgres dump");
}

/** What is missing of the rows and of the database that has them. */
export const rowProblems = (world: World): Promise<readonly string[]> =>
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
  );
