import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Database } from "../../../centre/store/database.ts";
import { StoreInUse, StoreNotWritable, StoreTooNew } from "../../../centre/store/errors.ts";
import { openDatabase } from "../../../centre/store/open.ts";
import { stateDirectory } from "../../../lib/state-directory.ts";
import { TEST_MIGRATIONS } from "./database-migrations.ts";
import { testDirectory } from "./fixtures.ts";

const parent = testDirectory();
let count = 0;
const newDirectory = () => {
  count += 1;
  return path.join(parent, String(count), "centre");
};

const reports: string[] = [];
const open = (directory: string, migrations = TEST_MIGRATIONS) =>
  openDatabase({ directory, stack: "test", report: (line) => reports.push(line), migrations });
const add = (database: Database, id: number, text = "a") =>
  database.write(() => database.run("INSERT INTO entry VALUES (?, ?)", id, text));
const ids = (database: Database) => database.all("SELECT id FROM entry ORDER BY id").map(({ id }) => id);

beforeEach(() => reports.splice(0));

test("a transaction that throws changes nothing, and one that ends is there after the next start", () => {
  const directory = newDirectory();
  const database = open(directory);
  add(database, 1);
  expect(() =>
    database.write(() => {
      database.run("INSERT INTO entry VALUES (2, 'b')");
      throw new Error("no");
    }),
  ).toThrow("no");
  // A part without its entry.
  expect(() => database.write(() => database.run("INSERT INTO part VALUES (9, 1)"))).toThrow("FOREIGN KEY");
  database.close();
  const again = open(directory);
  expect(ids(again)).toEqual([1]);
  again.close();
});

test("only the owner can read the database and what belongs to it", () => {
  const directory = newDirectory();
  const database = open(directory);
  add(database, 1);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const files = readdirSync(directory);
  expect(files.sort()).toEqual(["test.db", "test.db-lock", "test.db-shm", "test.db-wal"]);
  for (const file of files) expect(statSync(path.join(directory, file)).mode & 0o777).toBe(0o600);
  database.close();
});

test("a second control centre on the same database is refused while the first one runs", () => {
  const directory = newDirectory();
  const database = open(directory);
  expect(() => open(directory)).toThrow(StoreInUse);
  expect(() => open(directory)).toThrow(/another control centre.*test\.db-lock.*--state-directory/);
  add(database, 1);
  database.close();
  open(directory).close();
});

test("new steps are added to an old database, and one of a newer version is refused untouched", () => {
  const directory = newDirectory();
  const old = open(directory, TEST_MIGRATIONS.slice(0, 1));
  add(old, 1);
  old.close();
  const current = open(directory);
  current.write(() => current.run("INSERT INTO part VALUES (1, 1)"));
  current.close();
  expect(() => open(directory, TEST_MIGRATIONS.slice(0, 1))).toThrow(StoreTooNew);
  expect(reports).toEqual([]);
  const again = open(directory);
  expect(again.all("SELECT * FROM part")).toHaveLength(1);
  again.close();
});

test("a step that fails names itself and leaves the schema of before", () => {
  const directory = newDirectory();
  const broken = [...TEST_MIGRATIONS, { name: "third", sql: "CREATE TABLE x (id); CREATE TABLE entry (id)" }];
  expect(() => open(directory, broken)).toThrow(/third: .*table entry already exists/);
  const database = open(directory);
  expect(database.all("SELECT name FROM sqlite_schema WHERE name = 'x'")).toEqual([]);
  database.close();
});

test.each<[string, (file: string) => void]>([
  ["is no database", (file) => writeFileSync(file, "no database ".repeat(1000))],
  ["lost its end", (file) => truncateSync(file, 3 * 4096)],
  [
    "has a page of zeros",
    (file) => {
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0, 4096, 2 * 4096));
    },
  ],
])("a file that %s is set aside, reported, and made anew", (_, damage) => {
  const directory = newDirectory();
  const database = open(directory);
  for (let id = 1; id < 20; id += 1) add(database, id, "x".repeat(2000));
  database.close();
  const file = path.join(directory, "test.db");
  damage(file);
  const damaged = readFileSync(file);
  const again = open(directory);
  expect(ids(again)).toEqual([]);
  add(again, 1);
  again.close();
  expect(reports).toHaveLength(1);
  const [, aside = ""] = /it is now (\S+),/.exec(reports[0] ?? "") ?? [];
  expect(readFileSync(aside)).toEqual(damaged);
});

test("on a full disk writes fail with one kind of error, and reads go on", () => {
  const database = open(newDirectory());
  add(database, 1);
  database.get("PRAGMA max_page_count = 1");
  let id = 2;
  const fill = () => {
    for (; id < 1000; id += 1) add(database, id, "x".repeat(4000));
  };
  expect(fill).toThrow(StoreNotWritable);
  expect(fill).toThrow(/test\.db cannot be written: .*full; free space/);
  const before = ids(database);
  expect(before).toContain(1);
  database.get("PRAGMA max_page_count = 100000");
  add(database, 5000);
  expect(ids(database)).toEqual([...before, 5000]);
  database.close();
});

describe("a process that is killed", () => {
  const start = (directory: string) =>
    spawn(process.execPath, [path.join(__dirname, "database-writer.ts"), directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });

  /** Kills the writer after `lines` transactions, and returns the last one that it reported. */
  async function killAfter(writer: ChildProcess, lines: number): Promise<number> {
    let output = "";
    writer.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (output.split("\n").length > lines) writer.kill("SIGKILL");
    });
    await once(writer, "close");
    return Number(output.split("\n").at(-2));
  }

  test("leaves a whole database with every transaction that it reported", async () => {
    const directory = newDirectory();
    for (let round = 0; round < 12; round += 1) {
      const last = await killAfter(start(directory), 1 + ((round * 7) % 23));
      const database = open(directory);
      const found = ids(database);
      // The one that was under way may have ended without a report.
      expect([last, last + 1]).toContain(found.at(-1));
      expect(found).toEqual(Array.from({ length: found.length }, (_, index) => index + 1));
      expect(database.all("SELECT id FROM part")).toHaveLength(found.length);
      expect(database.get("PRAGMA integrity_check")).toEqual({ integrity_check: "ok" });
      database.close();
    }
    expect(reports).toEqual([]);
  });

  test("holds the lock until then, and leaves none", async () => {
    const directory = newDirectory();
    const writer = start(directory);
    await once(writer.stdout, "data");
    expect(() => open(directory)).toThrow(StoreInUse);
    writer.kill("SIGKILL");
    await once(writer, "close");
    open(directory).close();
  });
});

test.each([
  [{ PANTHEROS_STATE_DIR: "/a", XDG_STATE_HOME: "/b", HOME: "/c" }, "/a"],
  [{ PANTHEROS_STATE_DIR: "", XDG_STATE_HOME: "/b", HOME: "/c" }, "/b/pantheros"],
  [{ XDG_STATE_HOME: "relative", HOME: "/c" }, "/c/.local/state/pantheros"],
  [{ HOME: "/c" }, "/c/.local/state/pantheros"],
])("the state directory of %j is %s", (env, directory) => {
  expect(stateDirectory(env)).toBe(directory);
});
