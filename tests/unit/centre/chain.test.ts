/** The chain of the audit log: what somebody who changes it leaves behind. */
import fc from "fast-check";
import {
  type AuditEntry,
  type AuditRecord,
  copyLine,
  nextRecord,
  readCopies,
  verifyChain,
} from "../../../centre/audit/chain.ts";

const entry = (more: Partial<AuditEntry> = {}): AuditEntry => ({
  at: "2026-01-01T00:00:00.000Z",
  act: "an-id",
  who: "ada",
  door: "link",
  role: "admin",
  capability: "rollback.host",
  object: "host web",
  reason: "it is broken",
  result: "begun",
  detail: "",
  ...more,
});

const chainOf = (count: number): AuditRecord[] => {
  const records: AuditRecord[] = [];
  for (let at = 0; at < count; at++)
    records.push(nextRecord(records.at(-1), entry({ reason: `reason ${at}` })));
  return records;
};

test("a chain verifies, as does one without records", () => {
  expect(verifyChain([])).toEqual({ count: 0, head: undefined, problems: [] });
  const records = chainOf(5);
  expect(verifyChain(records, records)).toEqual({
    count: 5,
    head: { seq: 5, hash: records[4]?.hash },
    problems: [],
  });
});

test.each(Object.keys(entry()) as (keyof AuditEntry)[])("a record whose %s was changed is found", (key) => {
  const records = chainOf(5);
  const changed = records.with(2, { ...(records[2] as AuditRecord), [key]: "changed" });
  expect(verifyChain(changed).problems).toEqual(["record 3 was changed"]);
});

test("a record that was changed with its own hash breaks the next one", () => {
  const records = chainOf(5);
  const forged = nextRecord(records[1], entry({ who: "somebody else" }));
  expect(verifyChain(records.with(2, forged)).problems).toEqual([
    "record 4 does not follow the one before it",
  ]);
});

test("a record that was removed is found, at the beginning too", () => {
  const records = chainOf(5);
  expect(verifyChain(records.toSpliced(2, 1)).problems).toContain("record 3 is missing: 4 follows");
  expect(verifyChain(records.slice(1)).problems).toContain("record 1 is missing: 2 follows");
});

test("a cut end, and a chain that was made anew, are found by the copies in the journal", () => {
  const records = chainOf(5);
  const journal = records.map((record) => `Jan 01 00:00:00 host centre[1]: ${copyLine(record)}`).join("\n");
  const copies = readCopies(`a line of something else\n${journal}\n`);
  expect(copies).toEqual(records);
  expect(verifyChain(records.slice(0, 3), copies).problems).toEqual([
    "record 4 is missing: there is a copy of it",
    "record 5 is missing: there is a copy of it",
  ]);
  expect(verifyChain([], copies).problems).toHaveLength(5);
  const anew: AuditRecord[] = [];
  for (let at = 0; at < 5; at++) anew.push(nextRecord(anew.at(-1), entry({ reason: "another story" })));
  expect(verifyChain(anew).problems).toEqual([]);
  expect(verifyChain(anew, copies).problems).toContain("record 1 is not the one that was copied");
});

test("a copy whose line was cut, or is no record, is left out", () => {
  const [record] = chainOf(1);
  const line = copyLine(record as AuditRecord);
  expect(
    readCopies(`${line.slice(0, 40)}\n${line}\npantheros-audit {"seq":1}\npantheros-audit null`),
  ).toEqual([record]);
});

test("no single change of any text leaves a chain whole", () => {
  const records = chainOf(4);
  const texts = Object.keys(entry()) as (keyof AuditEntry)[];
  fc.assert(
    fc.property(fc.nat(3), fc.constantFrom(...texts), fc.string(), (at, key, text) => {
      const record = records[at] as AuditRecord;
      fc.pre(record[key] !== text);
      return verifyChain(records.with(at, { ...record, [key]: text })).problems.length > 0;
    }),
  );
});
