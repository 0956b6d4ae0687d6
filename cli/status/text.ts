/** `pantheros status` as text. */
import { styleText } from "node:util";
import { shortHash } from "../../lib/store-path.ts";
import { table } from "../../lib/table.ts";
import { type FleetStatus, type HostStatus, needsAttention, stateCounts } from "../../status/classify.ts";
import { statusNotes } from "../../status/notes.ts";

type Format = Parameters<typeof styleText>[0];

function formatOf(host: HostStatus): Format | undefined {
  if (needsAttention(host)) return "red";
  return host.state === "ok" ? "green" : "yellow";
}

const HEAD = ["HOST", "WAVE", "STATE", "LAST DEPLOY", "RUNS", "GENERATION", "NOTES"];

/** `1 unreachable, 2 ok` */
const countsText = (hosts: readonly HostStatus[]): string =>
  stateCounts(hosts)
    .map(({ state, count }) => `${count} ${state}`)
    .join(", ");

export interface TextOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width?: number | undefined;
  /** Output stream. Colours are used only when it supports them and NO_COLOR is not set. */
  readonly stream: NodeJS.WriteStream;
}

/** The fleet's status as a summary line and a table of hosts, with a newline at the end. */
export function statusText(status: FleetStatus, { width, stream }: TextOptions): string {
  const { stack, environment, hosts, asked } = status;
  const size = hosts.length === 1 ? "1 host" : `${hosts.length} hosts`;
  const source = asked ? "" : "; as of the last run, hosts were not asked";
  const title = stack === environment ? stack : `${stack} (environment ${environment})`;
  const head = `${title}: ${size}${hosts.length === 0 ? "" : `: ${countsText(hosts)}`}${source}`;
  if (hosts.length === 0) return `${head}\n`;
  const rows = hosts.map((host) => [
    host.name,
    String(host.wave),
    host.state,
    host.outcome ?? "-",
    host.running === undefined ? "-" : shortHash(host.running),
    host.generation === undefined ? "-" : String(host.generation),
    statusNotes(host),
  ]);
  const [titles = "", ...lines] = table([HEAD, ...rows], width);
  const coloured = lines.map((line, at) => {
    const host = hosts[at];
    const format = host && formatOf(host);
    // Colours are added after lines are cut, so that no escape sequence is cut.
    return host === undefined || format === undefined
      ? line
      : line.replace(` ${host.state} `, (word) => styleText(format, word, { stream }));
  });
  return [head, "", titles, ...coloured, ""].join("\n");
}
