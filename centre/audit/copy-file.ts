/** The file beside the database that has a line for each record. It outlives a deleted database. */
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { type AuditRecord, copyLine, readCopies } from "./chain.ts";

/** The copy of a database's audit log. */
export const copyFile = (database: string): string => `${database}-audit.log`;

/** Adds a line, which is on the disk when this returns. @throws Error when it cannot be written */
export function appendCopy(file: string, record: AuditRecord): void {
  const descriptor = openSync(file, "a", 0o600);
  try {
    // A line that an earlier crash cut must not swallow this one, so there is a line end before it too.
    const line = Buffer.from(`\n${copyLine(record)}\n`);
    let at = 0;
    while (at < line.length) at += writeSync(descriptor, line, at);
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export const readCopyFile = (file: string): AuditRecord[] =>
  existsSync(file) ? readCopies(readFileSync(file, "utf8")) : [];
