/**
 * The audit log's records, as a chain: each has the SHA-256 of its content and of the record before. Whoever changes or
 * removes one has to change all later ones, and the copies of their hashes that were printed when they were made.
 */
import * as z from "zod";
import { sha256 } from "../../lib/sha256.ts";

/** How a person, or a program with a token, came to the control centre. */
export const DOORS = ["link", "oidc", "tailscale", "token"] as const;

/** `begun` is written before an act begins, and one of the others after it. */
export const RESULTS = ["begun", "done", "failed", "refused", "unknown"] as const;

export const auditEntry = z.strictObject({
  /** RFC 3339, by the centre's clock. */
  at: z.string(),
  /** Both records of an act have the same one. */
  act: z.string(),
  who: z.string(),
  door: z.enum(DOORS),
  role: z.string(),
  /** What was asked for, by its capability, such as `rollback.host`. */
  capability: z.string(),
  /** What it was asked for: `host web`, `wave 2`, `token ci`. */
  object: z.string(),
  reason: z.string(),
  result: z.enum(RESULTS),
  /** What came of it; empty when it begins. */
  detail: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntry>;

export const auditRecord = auditEntry.extend({
  /** 1 for the first one, without a gap. */
  seq: z.int().positive(),
  /** Hash of the record before; FIRST for the first one. */
  previous: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof auditRecord>;

/** The `previous` of the first record. */
const FIRST = "0".repeat(64);

/** JSON with sorted keys and without blanks: one text for one content. The values are strings and numbers. */
const canonical = (content: Readonly<Record<string, string | number>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1))));

const hashOf = ({ hash: _, ...content }: AuditRecord): string => sha256(canonical(content));

/** The record that follows `head`. */
export function nextRecord(
  head: Pick<AuditRecord, "seq" | "hash"> | undefined,
  entry: AuditEntry,
): AuditRecord {
  const record = { ...entry, seq: (head?.seq ?? 0) + 1, previous: head?.hash ?? FIRST, hash: "" };
  return { ...record, hash: hashOf(record) };
}

/** The first word of a copied record's line, in the journal and in the file beside the database. */
const COPY = "pantheros-audit ";

/** A record as one line for the journal. */
export const copyLine = (record: AuditRecord): string => `${COPY}${JSON.stringify(record)}`;

/** The records in copied lines, such as the output of `journalctl -o cat`; other lines are left out. */
export function readCopies(text: string): AuditRecord[] {
  return text.split("\n").flatMap((line) => {
    const at = line.indexOf(COPY);
    if (at < 0) return [];
    try {
      const read = auditRecord.safeParse(JSON.parse(line.slice(at + COPY.length)));
      return read.success ? [read.data] : [];
    } catch {
      return []; // the line of a write that was cut
    }
  });
}

export interface Verdict {
  /** Records that were checked. */
  readonly count: number;
  /** Number and hash of the last one; undefined: there is none. */
  readonly head: Pick<AuditRecord, "seq" | "hash"> | undefined;
  /** What does not fit, in words; empty: the chain is whole. */
  readonly problems: readonly string[];
}

/** More problems are not listed. */
const MAX_PROBLEMS = 20;

/**
 * Checks a chain, and compares it with copies of its records.
 * @param records in the order of the log
 * @param copies of all or some of them, from other places; without one a cut end is not found
 */
export function verifyChain(records: readonly AuditRecord[], copies: readonly AuditRecord[] = []): Verdict {
  const problems: string[] = [];
  let before: AuditRecord | undefined;
  for (const record of records) {
    const expected = (before?.seq ?? 0) + 1;
    if (record.seq !== expected) problems.push(`record ${expected} is missing: ${record.seq} follows`);
    else if (record.previous !== (before?.hash ?? FIRST))
      problems.push(`record ${record.seq} does not follow the one before it`);
    if (record.hash !== hashOf(record)) problems.push(`record ${record.seq} was changed`);
    before = record;
  }
  const hashes = new Map(records.map(({ seq, hash }) => [seq, hash]));
  for (const { seq, hash } of copies) {
    const known = hashes.get(seq);
    if (known === undefined) problems.push(`record ${seq} is missing: there is a copy of it`);
    else if (known !== hash) problems.push(`record ${seq} is not the one that was copied`);
  }
  const head = before && { seq: before.seq, hash: before.hash };
  return { count: records.length, head, problems: [...new Set(problems)].slice(0, MAX_PROBLEMS) };
}
