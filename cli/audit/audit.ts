/** `pantheros audit`: who did what through the control centre of a stack, and whether the log is whole. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { readCopies } from "../../centre/audit/chain.ts";
import { auditRecords, verifyAudit } from "../../centre/audit/log.ts";
import { openReadOnly, type ReadOnlyDatabase } from "../../centre/store/read-only.ts";
import { stateDirectory } from "../../lib/state-directory.ts";
import { EXIT_FAILED, EXIT_OK } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";
import { terminalWidth } from "../terminal.ts";
import { auditText, verdictText } from "./text.ts";

interface WhereOptions extends StackOptions {
  /** Where the database is; by default lib/state-directory.ts. */
  readonly stateDirectory?: string;
  readonly json?: boolean;
}

export interface AuditOptions extends WhereOptions {
  /** Number of the newest records to show. */
  readonly lines: number;
}

export interface VerifyOptions extends WhereOptions {
  /** File with lines of a journal, or `-`: standard input. */
  readonly journal?: string;
}

/** @throws Error when no control centre has run here */
function open(options: WhereOptions, root: string): ReadOnlyDatabase {
  const { short } = stackName(options, { env: process.env, root, cwd: process.cwd() });
  const directory = path.join(path.resolve(options.stateDirectory ?? stateDirectory()), "centre");
  const database = openReadOnly(directory, short);
  if (database !== undefined) return database;
  throw new Error(
    `${directory}: no control centre of the stack ${short} has run here; --state-directory names another place`,
  );
}

const printJson = (value: unknown) => process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);

/** Prints the newest records, the oldest of them first, and returns the exit code. */
export function audit({ lines, json, ...options }: AuditOptions, root: string): number {
  const database = open(options, root);
  try {
    const records = auditRecords(database, { limit: lines }).toReversed();
    if (json) printJson({ schemaVersion: 1, records });
    else process.stdout.write(auditText(records, terminalWidth()));
    return EXIT_OK;
  } finally {
    database.close();
  }
}

const readJournal = (journal: string): string | Promise<string> =>
  journal === "-" ? text(process.stdin) : readFileSync(journal, "utf8");

/** Checks the chain, prints what does not fit, and returns the exit code. */
export async function verify({ journal, json, ...options }: VerifyOptions, root: string): Promise<number> {
  const copies = journal === undefined ? [] : readCopies(await readJournal(journal));
  if (journal !== undefined && copies.length === 0)
    throw new Error(
      `${journal === "-" ? "standard input" : journal} has no record of an audit log: give the journal with \`journalctl -o cat\``,
    );
  const database = open(options, root);
  try {
    const verdict = verifyAudit(database, copies);
    if (json) printJson({ schemaVersion: 1, ...verdict });
    else process.stdout.write(verdictText(verdict, copies.length));
    return verdict.problems.length === 0 ? EXIT_OK : EXIT_FAILED;
  } finally {
    database.close();
  }
}
