/** Adds records to the audit log of the database in the directory argv[2] until it is killed. Prints a line for each. */
import { AuditLog } from "../../../centre/audit/log.ts";
import { openDatabase } from "../../../centre/store/open.ts";

const database = openDatabase({ directory: process.argv[2] ?? "", stack: "sandbox", report: () => {} });
const audit = new AuditLog({ database });
for (let at = 0; ; at++) {
  const entry = { act: `${process.pid}-${at}`, who: "ada", door: "link", role: "admin" } as const;
  const of = { capability: "run.preview", object: "the stack", reason: "x", detail: "" };
  audit.append({ ...entry, ...of, result: "begun" });
  audit.append({ ...entry, ...of, result: "done" });
  process.stdout.write(`${at}\n`);
}
