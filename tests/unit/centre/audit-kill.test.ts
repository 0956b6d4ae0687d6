/** The audit log after its writer was killed at any moment. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { AuditLog } from "../../../centre/audit/log.ts";
import { openDatabase } from "../../../centre/store/open.ts";
import { testDirectory } from "./fixtures.ts";

const directory = testDirectory();

test("a centre that is killed again and again leaves a whole chain, in which every act has an end", async () => {
  for (const records of [1, 2, 5]) {
    const writer = spawn(process.execPath, ["tests/unit/centre/audit-writer.ts", directory], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
    });
    const ended = once(writer, "exit");
    let seen = 0;
    for await (const _ of createInterface({ input: writer.stdout })) if (++seen >= records) break;
    writer.kill("SIGKILL");
    await ended;
    const database = openDatabase({ directory, stack: "sandbox", report: () => {} });
    const audit = new AuditLog({ database });
    expect(audit.verify().problems).toEqual([]);
    const found = audit.read({ limit: 100_000 });
    expect(found.length).toBeGreaterThanOrEqual(records * 2);
    const begun = found.filter(({ result }) => result === "begun").map(({ act }) => act);
    const ends = new Set(found.filter(({ result }) => result !== "begun").map(({ act }) => act));
    expect(begun.filter((act) => !ends.has(act))).toEqual([]);
    database.close();
  }
});
