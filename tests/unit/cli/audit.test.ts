/** `tools/pantheros audit`: reads the log beside a running control centre, and checks it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { AuditEntry } from "../../../centre/audit/chain.ts";
import { AuditLog } from "../../../centre/audit/log.ts";
import type { Database } from "../../../centre/store/database.ts";
import { openDatabase } from "../../../centre/store/open.ts";

let directory = "";
let database: Database;
let journal: string[];
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-audit-"));
  mkdirSync(path.join(directory, "centre"), { recursive: true });
  database = openDatabase({ directory: path.join(directory, "centre"), stack: "dev", report: () => {} });
  journal = [];
  const log = new AuditLog({
    database,
    print: (line) => journal.push(line),
    now: () => Date.parse("2026-01-31T12:00:00Z"),
  });
  const entry: Omit<AuditEntry, "at"> = {
    ...{ act: "a1", who: "me\u001b[31m", door: "link", role: "owner", capability: "rollback.host" },
    ...{ object: "host web", reason: "it is slow", result: "begun", detail: "" },
  };
  log.append(entry);
  log.append({ ...entry, result: "done", detail: "web is pinned" });
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true, force: true });
});

function call(...words: string[]) {
  const at = ["--stack", "dev", "--state-directory", directory];
  const { status, stdout, stderr } = spawnSync("tools/pantheros", [...words, ...at], { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** Changes the file as somebody who can write it would. */
function tamper(sql: string): void {
  const other = new DatabaseSync(database.file);
  other.exec(sql);
  other.close();
}

test("the records, while the centre has the database open, without control characters", () => {
  expect(call("audit")).toEqual({
    status: 0,
    stderr: "",
    stdout: `NO  TIME                 WHO  ROLE   DOOR  ACT            OBJECT    RESULT  REASON
1   2026-01-31 12:00:00  me   owner  link  rollback.host  host web  begun   it is slow
2   2026-01-31 12:00:00  me   owner  link  rollback.host  host web  done    it is slow: web is pinned
`,
  });
});

test("--json and --lines", () => {
  const { stdout } = call("audit", "--json", "--lines", "1");
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, records: [{ seq: 2, result: "done" }] });
});

test("a whole log verifies, also against the journal", () => {
  expect(call("audit", "verify")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^the log is whole: 2 records; the last one is 2, [0-9a-f]{64}\n$/),
  });
  const file = path.join(directory, "journal");
  writeFileSync(file, `other line\n${journal.join("\n")}\n`);
  expect(call("audit", "verify", "--journal", file).stdout).toContain("compared with 2 of the journal");
});

test("a record that was changed is found; exit code 1", () => {
  tamper("UPDATE audit SET who = 'somebody' WHERE seq = 1");
  expect(call("audit", "verify")).toMatchObject({
    status: 1,
    stdout: expect.stringContaining("record 1 was changed"),
  });
});

test("an end that was cut together with the copy is found by the journal", () => {
  tamper("DELETE FROM audit WHERE seq = 2");
  const copy = `${database.file}-audit.log`;
  writeFileSync(copy, `${journal[0]}\n`);
  expect(call("audit", "verify").status).toBe(0);
  const file = path.join(directory, "journal");
  writeFileSync(file, journal.join("\n"));
  const { status, stdout } = call("audit", "verify", "--json", "--journal", file);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ problems: ["record 2 is missing: there is a copy of it"] });
});

test("a journal without records, and no database, are errors that name the place", () => {
  const file = path.join(directory, "journal");
  writeFileSync(file, "nothing\n");
  expect(call("audit", "verify", "--journal", file)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("has no record of an audit log"),
  });
  const other = spawnSync("tools/pantheros", ["audit", "--stack", "none", "--state-directory", directory], {
    encoding: "utf8",
  });
  expect(other).toMatchObject({
    status: 1,
    stderr: `pantheros: ${directory}/centre: no control centre of the stack none has run here; --state-directory names another place\n`,
  });
});
