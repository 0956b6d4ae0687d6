/** One picture of `watch`. A pure function. */
import type { FleetStatus } from "../../status/classify.ts";
import { statusText, type TextOptions } from "../status/text.ts";

export interface FrameArgs {
  /** Undefined: nothing was read yet. */
  readonly status: FleetStatus | undefined;
  /** Why the last read failed. */
  readonly problem: string | undefined;
  /** Size of the terminal. */
  readonly columns: number;
  readonly rows: number;
  /** Seconds between two reads. */
  readonly interval: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly stream: TextOptions["stream"];
}

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;

function footerOf({ status, problem, columns, interval, now }: FrameArgs): string {
  const age =
    status === undefined ? "" : `${Math.max(0, Math.round((now - Date.parse(status.at)) / 1000))} s ago`;
  const state = problem === undefined ? `asked ${age || "now"}` : `${problem}${age && `; shown: ${age}`}`;
  return cut(`${state}; every ${interval} s; q ends`, columns);
}

/** At most `rows` lines: the hosts that do not fit are counted, and the last line says how old it is. */
export function frame(args: FrameArgs): string[] {
  const { status, columns, rows, stream } = args;
  const lines =
    status === undefined
      ? ["waiting for the first answer"]
      : statusText(status, { width: columns, stream }).trimEnd().split("\n");
  // The summary has no colours, so it can be cut; statusText cuts the table.
  lines[0] = cut(lines[0] ?? "", columns);
  const footer = footerOf(args);
  // A blank line and the footer follow.
  const room = Math.max(1, rows - 2);
  if (lines.length <= room) return [...lines, "", footer].slice(-rows);
  const hidden = lines.length - room + 1;
  return [...lines.slice(0, room - 1), `… and ${hidden} more`, "", footer].slice(-rows);
}
