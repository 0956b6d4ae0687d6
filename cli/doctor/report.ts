/** The report of `pantheros doctor`, as data and as text. */
import { styleText } from "node:util";
import type { CheckResult, Finding } from "../../lib/check.ts";

export interface Report {
  /** Of this form; fields are only added. */
  readonly schemaVersion: 1;
  readonly stack: string;
  readonly environment: string | undefined;
  /** RFC 3339. */
  readonly at: string;
  /** Nothing was found, and every check has a result. */
  readonly healthy: boolean;
  /** Errors first. */
  readonly findings: readonly Finding[];
  readonly checks: readonly Omit<CheckResult, "findings">[];
}

export function reportOf(
  stack: string,
  environment: string | undefined,
  results: readonly CheckResult[],
  at: Date,
): Report {
  const findings = results.flatMap((each) => each.findings);
  const rank = ({ level }: Finding) => (level === "error" ? 0 : 1);
  return {
    schemaVersion: 1,
    stack,
    environment,
    at: at.toISOString(),
    healthy: results.every(({ state }) => state === "ok"),
    findings: findings.sort((a, b) => rank(a) - rank(b)),
    checks: results.map(({ findings: _findings, ...rest }) => rest),
  };
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

const LABEL = 5;

function findingLines({ area, check, level, what, why, fix }: Finding, stream: NodeJS.WriteStream): string[] {
  const mark = styleText(level === "error" ? "red" : "yellow", level, { stream });
  const line = (label: string, text: string) => `    ${label.padEnd(LABEL)}${text}`;
  return [`${mark}  ${area}, ${check}: ${what}`, line("why", why), line("fix", fix)];
}

/** One paragraph per finding, then what was not checked and what a person must judge; with a newline at the end. */
export function reportText(report: Report, stream: NodeJS.WriteStream): string {
  const { stack, findings, checks } = report;
  const open = checks.filter(({ state }) => state === "not checked");
  const notes = checks.flatMap(({ area, check, notes: texts }) =>
    texts.map((text) => `${area}, ${check}: ${text}`),
  );
  const ok = checks.filter(({ state }) => state === "ok").length;
  const errors = findings.filter(({ level }) => level === "error").length;
  const summary = [
    `${ok} of ${counted(checks.length, "check")} passed`,
    ...(errors > 0 ? [counted(errors, "error")] : []),
    ...(findings.length > errors ? [counted(findings.length - errors, "warning")] : []),
    ...(open.length > 0 ? [`${open.length} not checked`] : []),
  ].join(", ");
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((each) => `    ${each}`), ""];
  return [
    ...findings.flatMap((finding) => [...findingLines(finding, stream), ""]),
    ...section(
      "not checked",
      open.map(({ area, check, reason }) => `${area}, ${check}: ${reason}`),
    ),
    ...section("to judge yourself", notes),
    `${stack}: ${summary}`,
    "",
  ].join("\n");
}
