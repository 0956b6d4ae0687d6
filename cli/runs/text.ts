/** `pantheros runs` as text. */
import { lastLine, oneLine, printable } from "../../lib/sanitize.ts";
import { shortHash } from "../../lib/store-path.ts";
import { table } from "../../lib/table.ts";
import type { Run, RunHost, RunSummary } from "../../runs/run.ts";

const time = (at: string): string => `${at.slice(0, 19).replace("T", " ")}`;

/** `1 min 5 s`; empty when it is unknown. */
function duration(seconds: number | undefined): string {
  if (seconds === undefined) return "";
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `2 confirmed, 1 failed`. */
const counted = (counts: Readonly<Record<string, number | undefined>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");

const commitOf = ({ commit, dirty }: RunSummary): string =>
  commit === undefined ? "" : `${commit.slice(0, 12)}${dirty ? "+" : ""}`;

const lines = (rows: readonly (readonly string[])[], width: number | undefined): string =>
  table(
    rows.map((row) => row.map((cell) => oneLine(cell, 300))),
    width,
  )
    .map((line) => `${line}\n`)
    .join("");

/** The newest run is first. */
export function runsText(runs: readonly RunSummary[], width: number | undefined): string {
  if (runs.length === 0) return "no run of this stack was recorded here\n";
  const rows = runs.map((run) => [
    run.id,
    time(run.startedAt),
    run.on === undefined ? run.command : `${run.command} --on ${run.on}`,
    run.state,
    duration(run.seconds),
    counted(run.outcomes),
    run.by ?? "",
    commitOf(run),
  ]);
  return lines(
    [["RUN", "STARTED (UTC)", "COMMAND", "STATE", "TOOK", "HOSTS", "BY", "COMMIT"], ...rows],
    width,
  );
}

/** What a host's run came to: its outcome, the step that it is at, or why it was left out. */
function hostState(host: RunHost): string {
  if (host.selected === false) return "not selected";
  if (host.outcome !== undefined) return host.changed ? host.outcome : `${host.outcome} (earlier)`;
  return host.phases.at(-1)?.phase ?? "waits";
}

const hostRow = (host: RunHost): string[] => [
  host.name,
  String(host.wave ?? ""),
  hostState(host),
  host.step ?? "",
  host.closure === undefined ? "" : shortHash(host.closure),
  duration(host.seconds && Object.values(host.seconds).reduce((sum, each) => sum + each, 0)),
  host.reason === undefined ? "" : lastLine(host.reason),
];

/** One run: what it was, each host, other changes, and its errors. */
export function runText(run: Run, width: number | undefined): string {
  const { id, command, on, state, startedAt, seconds, by, counts, hosts, errors, warnings, dropped } = run;
  const commit = commitOf(run);
  const took = duration(seconds);
  const head = [
    `${id}: ${command}${on === undefined ? "" : ` --on ${oneLine(on)}`}: ${state}`,
    `started ${time(startedAt)} UTC${took === "" ? "" : `, took ${took}`}${by === undefined ? "" : `, by ${oneLine(by)}`}${commit === "" ? "" : `, commit ${commit}`}`,
    ...(Object.keys(counts).length === 0 ? [] : [`resources: ${counted(counts)}`]),
    ...(dropped === undefined ? [] : [`${dropped} lines were not recorded, because the run was too long`]),
  ];
  const messages = [
    ...errors.map((text) => `error: ${printable(text).trimEnd()}\n`),
    ...warnings.map((text) => `warning: ${printable(text).trimEnd()}\n`),
  ];
  return [
    head.map((line) => `${line}\n`).join(""),
    ...(hosts.length === 0
      ? []
      : [lines([["HOST", "WAVE", "STATE", "STEP", "RUNS", "TOOK", "REASON"], ...hosts.map(hostRow)], width)]),
    ...(messages.length === 0 ? [] : [messages.join("")]),
  ].join("\n");
}
