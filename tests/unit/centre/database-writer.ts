/** Opens a database and adds numbered rows until it is killed; prints each number after its transaction. */
import { writeSync } from "node:fs";
import { openDatabase } from "../../../centre/store/open.ts";
import { TEST_MIGRATIONS } from "./database-migrations.ts";

const [directory = ""] = process.argv.slice(2);
const database = openDatabase({
  directory,
  stack: "test",
  report: (line) => writeSync(2, `${line}\n`),
  migrations: TEST_MIGRATIONS,
});
for (let id = Number(database.get("SELECT coalesce(max(id), 0) AS id FROM entry")?.["id"]) + 1; ; id += 1) {
  database.write(() => {
    database.run("INSERT INTO entry VALUES (?, ?)", id, "x".repeat(2000));
    database.run("INSERT INTO part VALUES (?, ?)", id, id);
  });
  writeSync(1, `${id}\n`);
}
