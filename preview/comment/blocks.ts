/** The parts of a comment, each with its shorter forms. */
import { firstNames } from "../../lib/names.ts";
import type { Change, ChangedField, Finding, PreviewDocument, PreviewHost } from "../document.ts";
import type { Block } from "./fit.ts";
import { code, counted, details, pre, table } from "./markdown.ts";
import {
  ACTION_TEXT,
  cautionOf,
  costText,
  countsText,
  growthText,
  isListed,
  promotionText,
} from "./words.ts";

/** Blocks with a higher number are shortened later. Details go first. */
const IMPORTANCE = {
  units: 1,
  packages: 2,
  outputs: 3,
  changes: 4,
  warnings: 5,
  advisory: 6,
  errors: 7,
  tables: 8,
  caution: 9,
};

type Documents = readonly PreviewDocument[];

/** The first `count` rows, and a line for the others. */
function firstRows(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  count: number,
  noun: string,
): string {
  const left = rows.length - count;
  return left <= 0
    ? table(head, rows)
    : `${table(head, rows.slice(0, count))}\n\nand ${counted(left, `more ${noun}`)}`;
}

/** Forms of a table from all its rows to ten of them. */
function tableForms(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  noun: string,
): [string, ...string[]] {
  const counts = [rows.length, 200, 100, 50, 25, 10].filter((count, at) => at === 0 || count < rows.length);
  const [first = "", ...more] = counts.map(
    (count) => `${title}${title === "" ? "" : "\n\n"}${firstRows(head, rows, count, noun)}`,
  );
  return [first, ...more];
}

export function cautionBlock(documents: Documents): Block {
  const lines = documents.flatMap((document) => [
    ...document.hosts
      .filter(({ action }) => action === "not-evaluated")
      .map(({ host }) => `> ${code(document.stack)}: Nix can't evaluate ${code(host)}, so it is not touched`),
    ...document.changes.flatMap((change) => {
      const caution = cautionOf(change);
      return caution === undefined
        ? []
        : [`> ${code(document.stack)}: ${code(`${change.type} ${change.name}`)} ${caution}`];
    }),
    ...(document.outcome === "failed"
      ? [`> ${code(document.stack)}: the preview failed, so this is not all of it`]
      : []),
    ...(document.promotion?.allowed === false
      ? [`> ${code(document.stack)}: ${promotionOf(document)}, so the run is refused`]
      : []),
  ]);
  if (lines.length === 0) return { importance: IMPORTANCE.caution, forms: [""] };
  const block = (count: number) =>
    [
      "> [!CAUTION]",
      ...lines.slice(0, count).map((line, at) => (at === 0 ? line : `>\n${line}`)),
      ...(lines.length > count ? [`>\n> and ${lines.length - count} more`] : []),
    ].join("\n");
  return { importance: IMPORTANCE.caution, forms: [block(100), block(30)] };
}

function promotionOf({ promotion }: PreviewDocument): string {
  if (promotion === undefined) return "";
  const { from, reason } = promotion;
  return promotionText({
    ...promotion,
    from: code(from),
    ...(reason !== undefined && { reason: code(reason) }),
  });
}

function policyCell({ findings }: PreviewDocument): string {
  const count = (level: Finding["level"]) => findings.filter((each) => each.level === level).length;
  const parts = [
    ...(count("mandatory") > 0 ? [`**${count("mandatory")} mandatory**`] : []),
    ...(["advisory", "excepted"] as const).flatMap((level) =>
      count(level) > 0 ? [`${count(level)} ${level}`] : [],
    ),
  ];
  return parts.join(", ") || "passed";
}

function hostsCell({ hosts }: PreviewDocument): string {
  const changing = hosts.filter(isListed).length;
  return changing === 0 ? `none of ${hosts.length}` : `${changing} of ${hosts.length}`;
}

function driftCell({ hosts }: PreviewDocument): string {
  const drifted = hosts.filter(({ drift }) => drift === true).map(({ host }) => host);
  return drifted.length === 0 ? "none" : code(firstNames(drifted, 5));
}

/** One row a stack. */
export function stacksBlock(documents: Documents): Block {
  const some = (has: (document: PreviewDocument) => boolean) => documents.some(has);
  const columns: (readonly [head: string, cell: (document: PreviewDocument) => string])[] = [
    ["stack", (each) => code(each.stack)],
    ["cloud", (each) => (each.outcome === "failed" ? "**failed**" : countsText(each))],
    ["hosts that change", hostsCell],
    ["drift", driftCell],
    ["policy", policyCell],
    ...(some(({ promotion }) => promotion !== undefined) ? [["promotion", promotionOf] as const] : []),
    ...(some(({ cost }) => cost !== undefined)
      ? [["cost", ({ cost }: PreviewDocument) => (cost === undefined ? "" : code(costText(cost)))] as const]
      : []),
  ];
  const rows = documents.map((document) => columns.map(([, cell]) => cell(document)));
  return {
    importance: IMPORTANCE.tables,
    forms: tableForms(
      "",
      columns.map(([head]) => head),
      rows,
      "stack",
    ),
  };
}

/** Names of packages or units, with signs. */
const signed = (
  parts: { changed: readonly string[]; added: readonly string[]; removed: readonly string[] },
  most: number,
): string =>
  (
    [
      ["", parts.changed],
      ["+ ", parts.added],
      ["- ", parts.removed],
    ] as const
  )
    .filter(([, names]) => names.length > 0)
    .map(([sign, names]) => `${sign}${firstNames(names, most)}`)
    .join("; ");

function whyCell({ reason = "", rebootReasons = [], closure, failedUnits = [] }: PreviewHost): string {
  const why = [
    ...(rebootReasons.length > 0 ? [`reboot: ${firstNames(rebootReasons, 3)}`] : []),
    ...(closure === undefined ? [] : [signed(closure, 3)]),
    reason,
    ...(failedUnits.length > 0 ? [`failed now: ${firstNames(failedUnits, 3)}`] : []),
  ].filter((text) => text !== "");
  return code(why.join("; "));
}

function hostRow(stack: string, host: PreviewHost): string[] {
  const { action, drift, pinned, closure } = host;
  const happens = [
    ...(action === "deploy" && pinned ? ["switch to its pinned system"] : [ACTION_TEXT[action]]),
    ...(drift ? ["**drift**"] : []),
  ];
  return [
    code(host.host),
    `${code(stack)} ${host.wave}`,
    happens.join(", "),
    closure === undefined ? "" : code(growthText(closure.after - closure.before)),
    whyCell(host),
  ];
}

/** One row for each host that changes, by stack and wave. */
export function hostsBlock(documents: Documents): Block {
  const listed = documents.flatMap(({ stack, hosts }) =>
    hosts.filter(isListed).map((host) => hostRow(stack, host)),
  );
  const unchanged = documents.flatMap(({ hosts }) =>
    hosts.filter(({ action }) => action === "nothing"),
  ).length;
  const rest =
    unchanged === 0 ? "" : `${counted(unchanged, "host")} ${unchanged === 1 ? "does" : "do"} not change.`;
  if (listed.length === 0) return { importance: IMPORTANCE.tables, forms: [rest] };
  const head = ["host", "stack, wave", "what happens", "size", "why"];
  const forms = tableForms("### Hosts", head, listed, "host");
  const withRest = (form: string) => (rest === "" ? form : `${form}\n\n${rest}`);
  return { importance: IMPORTANCE.tables, forms: [withRest(forms[0]), ...forms.slice(1).map(withRest)] };
}

const findingRow = (stack: string, { rule, key, message, remedy }: Finding): string[] => [
  code(rule),
  code(stack),
  code(key),
  `${code(message)}${remedy === undefined ? "" : ` ${code(remedy)}`}`,
];

/** Findings of one level. Mandatory ones stay. */
export function findingsBlock(documents: Documents, level: Finding["level"]): Block {
  const rows = documents.flatMap(({ stack, findings }) =>
    findings.filter((finding) => finding.level === level).map((finding) => findingRow(stack, finding)),
  );
  if (rows.length === 0) return { importance: IMPORTANCE.advisory, forms: [""] };
  const head = ["rule", "stack", "key to change", "finding"];
  const forms = tableForms(`### Policy: ${level}`, head, rows, "finding");
  if (level === "mandatory") return { importance: IMPORTANCE.caution, forms };
  return {
    importance: IMPORTANCE.advisory,
    forms: [...forms, `${counted(rows.length, `${level} finding`)} of policies left out.`] as [
      string,
      ...string[],
    ],
  };
}

/** Errors stay; long ones get shorter. */
export function errorsBlock({ stack, errors }: PreviewDocument): Block {
  if (errors.length === 0) return { importance: IMPORTANCE.errors, forms: [""] };
  const block = (count: number, length: number) =>
    [
      `### ${counted(errors.length, "error")} in ${code(stack)}`,
      ...errors.slice(0, count).map((text) => pre(text, length)),
      ...(errors.length > count ? [`and ${counted(errors.length - count, "more error")}`] : []),
    ].join("\n\n");
  return {
    importance: IMPORTANCE.errors,
    forms: [block(20, 4000), block(10, 1000), block(3, 500), block(1, 300)],
  };
}

/** A closed block that is left out as a whole, with a line in its place. */
function shedding(importance: number, summary: string, body: string): Block {
  return body === ""
    ? { importance, forms: [""] }
    : {
        importance,
        forms: [details(summary, body), `${summary}: left out, because the comment is too long.`],
        droppable: true,
      };
}

export function warningsBlock({ stack, warnings }: PreviewDocument): Block {
  const summary = `${counted(warnings.length, "warning")} in ${code(stack)}`;
  return shedding(IMPORTANCE.warnings, summary, warnings.map((text) => pre(text, 1000)).join("\n\n"));
}

const afterCell = ({ after, knownAfter }: ChangedField): string => {
  if (after !== undefined) return code(after);
  if (knownAfter === undefined) return "";
  return knownAfter === "?" ? "known during the run" : `known after ${code(knownAfter)}`;
};

function fieldRows(name: string, fields: readonly ChangedField[]): string[][] {
  return fields.map((field, at) => [
    at === 0 ? name : "",
    `${code(field.path)}${field.replaces ? " (replaces it)" : ""}`,
    field.before === undefined ? "" : code(field.before),
    afterCell(field),
  ]);
}

function changeRows(change: Change): string[][] {
  const name = `${change.op} ${code(`${change.type} ${change.name}`)}`;
  const fields = change.fields ?? [];
  return fields.length === 0 ? [[name, "", "", ""]] : fieldRows(name, fields);
}

export function changesBlock({ stack, changes }: PreviewDocument): Block {
  const rows = changes.flatMap(changeRows);
  const summary = `${counted(changes.length, "cloud change")} of ${code(stack)}`;
  const body = rows.length === 0 ? "" : table(["resource", "field", "before", "after"], rows);
  return shedding(IMPORTANCE.changes, summary, body);
}

export function outputsBlock({ stack, outputs }: PreviewDocument): Block {
  const rows = outputs.map((field) => [
    code(field.path),
    field.before === undefined ? "" : code(field.before),
    field.kind === "delete" ? "removed" : afterCell(field),
  ]);
  const summary = `${counted(outputs.length, "output")} of ${code(stack)} that other teams read ${outputs.length === 1 ? "changes" : "change"}`;
  return shedding(
    IMPORTANCE.outputs,
    summary,
    rows.length === 0 ? "" : table(["output", "before", "after"], rows),
  );
}

export function packagesBlock(stack: string, { host, closure }: PreviewHost): Block {
  if (closure === undefined) return { importance: IMPORTANCE.packages, forms: [""] };
  const { changed, added, removed, rebuilt } = closure;
  const rows = (
    [
      ["changed", changed],
      ["added", added],
      ["removed", removed],
      ["rebuilt in the same version", rebuilt],
    ] as const
  ).flatMap(([what, names]) => (names.length === 0 ? [] : [[what, code(names.join(", "), 4000)]]));
  if (rows.length === 0) return { importance: IMPORTANCE.packages, forms: [""] };
  return shedding(
    IMPORTANCE.packages,
    `Packages of ${code(host)} in ${code(stack)}`,
    table(["", "packages"], rows),
  );
}

export function unitsBlock(stack: string, { host, units }: PreviewHost): Block {
  if (units === undefined) return { importance: IMPORTANCE.units, forms: [""] };
  const rows = (["changed", "added", "removed"] as const).flatMap((what) =>
    units[what].length === 0 ? [] : [[what, code(units[what].join(", "), 4000)]],
  );
  if (rows.length === 0) return { importance: IMPORTANCE.units, forms: [""] };
  return shedding(IMPORTANCE.units, `Units of ${code(host)} in ${code(stack)}`, table(["", "units"], rows));
}
