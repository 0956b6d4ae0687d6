/** `pantheros audit` as text. */
import type { AuditRecord, Verdict } from "../../centre/audit/chain.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { table } from "../../lib/table.ts";

const HEAD = ["NO", "TIME", "WHO", "ROLE", "DOOR", "ACT", "OBJECT", "RESULT", "REASON"];

/** A table, with a newline at the end of each line. */
export function auditText(records: readonly AuditRecord[], width: number | undefined): string {
  if (records.length === 0) return "the log has no record\n";
  const rows = records.map(({ seq, at, who, role, door, capability, object, result, reason, detail }) =>
    [
      String(seq),
      at.slice(0, 19).replace("T", " "),
      ...[who, role, door, capability, object, result],
      detail === "" ? reason : `${reason}: ${detail}`,
    ].map((cell) => oneLine(cell, 200)),
  );
  return table([HEAD, ...rows], width)
    .map((line) => `${line}\n`)
    .join("");
}

/** @param copies records that were compared with the log, beside the copy on this machine */
export function verdictText({ count, head, problems }: Verdict, copies: number): string {
  const size = count === 1 ? "1 record" : `${count} records`;
  const compared = copies === 0 ? "" : `, compared with ${copies} of the journal`;
  if (problems.length > 0) {
    return `the log does not verify: ${size}${compared}\n${problems.map((line) => `  ${line}\n`).join("")}`;
  }
  const last = head === undefined ? "" : `; the last one is ${head.seq}, ${head.hash}`;
  return `the log is whole: ${size}${compared}${last}\n`;
}
