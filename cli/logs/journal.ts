/** The words of journalctl, and its answer as text. Pure functions. */
import { printable } from "../../lib/sanitize.ts";
import { UsageError } from "../exit-codes.ts";

export interface JournalQuery {
  /** A unit's name; without it the whole journal. */
  readonly unit?: string | undefined;
  /** Since when: `30m`, `4h`, `2d`, or a time that journalctl reads. */
  readonly since?: string | undefined;
  /** Number of the last lines. */
  readonly lines: number;
}

/** Characters of unit names: systemd.unit(5). A leading dash would be an option. */
const UNIT = /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}$/;

/** Longer lines are cut; a unit can write megabytes without an end of line. */
const MAX_LINE_CHARACTERS = 2000;

/** @throws UsageError when the unit is no unit's name */
export function journalWords({ unit, since, lines }: JournalQuery): string[] {
  if (unit !== undefined && !UNIT.test(unit)) {
    throw new UsageError(`"${unit}" is not the name of a unit, such as nginx or backup.timer`);
  }
  // In systemd.time(7) a span with a minus is before now; `m` is minutes there too.
  const ago = since !== undefined && /^\d+[smhd]$/.test(since) ? `-${since}` : since;
  return [
    "journalctl",
    "--no-pager",
    "--output=short-iso",
    `--lines=${lines}`,
    ...(unit === undefined ? [] : [`--unit=${unit}`]),
    ...(ago === undefined ? [] : [`--since=${ago}`]),
  ];
}

/** Lines without control characters, each cut; journalctl's own remarks (`-- No entries --`) are left out. */
export const journalLines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => printable(line.slice(0, MAX_LINE_CHARACTERS)).replaceAll("\n", " ").trimEnd())
    .filter((line) => line !== "" && !/^-- .* --$/.test(line));

/** Whether the account may not read the system's journal. Source: `journal_access_check_and_warn` of systemd. */
export const isRestricted = (stderr: string): boolean =>
  /not seeing messages from other users|No journal files were opened due to insufficient permissions/.test(
    stderr,
  );
