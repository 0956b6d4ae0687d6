/** Medians, rows and tables. Pure. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.floor(sorted.length / 2);
  const upper = sorted[at] ?? Number.NaN;
  return sorted.length % 2 === 0 ? ((sorted[at - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** One row of the table: a measured value and its limit. */
export interface Row {
  readonly what: string;
  /** In the same unit as `limit`; NaN when it was not measured. */
  readonly value: number;
  readonly limit: number;
  readonly unit: "times" | "s" | "MiB";
  /** The measured figures. */
  readonly from: string;
}

const FORMATS: Readonly<Record<Row["unit"], (value: number) => string>> = {
  times: (value) => value.toFixed(2),
  s: (value) => `${value.toFixed(1)} s`,
  MiB: (value) => `${value.toFixed(0)} MiB`,
};

export const seconds = (value: number): string => (Number.isNaN(value) ? "" : `${value.toFixed(1)} s`);

export const reached = ({ value, limit }: Row): boolean => value <= limit;

export function rowTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const format = FORMATS[row.unit];
    const mark = reached(row) ? "" : " (not reached)";
    return `| ${row.what} | ${format(row.value)}${mark} | at most ${format(row.limit)} | ${row.from} |`;
  });
  return ["| what | measured | limit | from |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

/** Seconds of one fleet size, by column; a column that was not measured is empty. */
export interface Growth {
  readonly hosts: number;
  readonly figures: Readonly<Record<string, number>>;
}

export function growthTable(columns: readonly string[], sizes: readonly Growth[]): string {
  const lines = sizes.map(
    ({ hosts, figures }) =>
      `| ${hosts} | ${columns.map((column) => seconds(figures[column] ?? Number.NaN)).join(" | ")} |`,
  );
  return [`| hosts | ${columns.join(" | ")} |`, `| ---${" | ---".repeat(columns.length)} |`, ...lines].join(
    "\n",
  );
}
