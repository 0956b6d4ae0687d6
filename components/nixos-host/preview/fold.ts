/** Keeps previews of many hosts short: the lines that do not fit are in a file. */

export interface Line {
  readonly text: string;
  /** Lines with a high rank are dropped first; rank 0 never is. */
  readonly rank: number;
}

/** Lines for all hosts together. Pulumi adds three of its own for each host. */
export const MAX_LINES = 25;

/**
 * The most important lines of each host in their order, then the number of the others and the file
 * that has them.
 */
export function foldLines(hosts: readonly (readonly Line[])[], file: string): string {
  const all = hosts.flat().length;
  // Each host keeps its heading, however many hosts there are.
  const perHost = all <= MAX_LINES ? all : Math.max(1, Math.floor((MAX_LINES - 1) / hosts.length));
  const kept = hosts.flatMap((lines) => mostImportant(lines, perHost)).map(({ text }) => text);
  const left = all - kept.length;
  return [...kept, ...(left > 0 ? [`and ${left} more lines in ${file}`] : [])].join("\n");
}

function mostImportant(lines: readonly Line[], count: number): Line[] {
  return [...lines.entries()]
    .sort(([at, a], [bt, b]) => a.rank - b.rank || at - bt)
    .slice(0, count)
    .sort(([a], [b]) => a - b)
    .map(([, line]) => line);
}

/** The file: every line of every host, as Markdown. */
export function markdownText(stack: string, texts: readonly string[]): string {
  return [`# Hosts that would change: ${stack}`, ...texts.map((text) => `\`\`\`\n${text}\n\`\`\``), ""].join(
    "\n\n",
  );
}
