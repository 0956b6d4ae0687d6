/** What `exec` prints: each host's output behind its name, and a summary. Pure functions. */
import { firstNames } from "../../lib/names.ts";
import { printable } from "../../lib/sanitize.ts";

/** How the command ended on one host, in the answer of `exec --json`. */
export interface ExecResult {
  readonly name: string;
  /** null: it did not start, or was ended. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no exit code of the command. */
  readonly problem?: string;
}

/** Longer lines are cut. */
const MAX_LINE_CHARACTERS = 4000;

export const hasSucceeded = ({ exitCode, problem }: ExecResult): boolean =>
  exitCode === 0 && problem === undefined;

/** Text of a host without control characters, with a newline at the end of each line. */
export function cleanText(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => printable(line.slice(0, MAX_LINE_CHARACTERS)).replaceAll("\n", " ").trimEnd());
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\n`).join("");
}

/** Lines, each behind the host's name, which is padded to `width`. */
export const prefixed = (name: string, lines: string, width: number): string =>
  lines
    .split("\n")
    .slice(0, -1)
    .map((line) => `${name.padEnd(width)} | ${line}\n`)
    .join("");

/** `3 hosts: 1 ok, 1 exit 4 (db), 1 no answer (web)`. */
export function execSummary(results: readonly ExecResult[]): string {
  const groups = new Map<string, string[]>();
  for (const result of results) {
    const how =
      result.problem !== undefined
        ? "not run"
        : result.timedOut
          ? "timed out"
          : result.exitCode === 0
            ? "ok"
            : `exit ${result.exitCode ?? "by a signal"}`;
    groups.set(how, [...(groups.get(how) ?? []), result.name]);
  }
  const parts = [...groups]
    .sort(([a], [b]) => Number(b === "ok") - Number(a === "ok") || (a < b ? -1 : 1))
    .map(([how, names]) => `${names.length} ${how}${how === "ok" ? "" : ` (${firstNames(names)})`}`);
  return `${results.length === 1 ? "1 host" : `${results.length} hosts`}: ${parts.join(", ")}`;
}
