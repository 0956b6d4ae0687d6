/** Previews of many hosts stay short: what does not fit is in a file. */

export interface Line {
  readonly text: string;
  /** Lower is kept longer; 0 always is. */
  readonly rank: number;
}

/** Lines for all hosts together; Pulumi's own come on top, three for each host. */
export const MAX_LINES = 25;

/** The most important lines of each host, in their order; the last line of all says where the others are. */
export function foldLines(hosts: readonly (readonly Line[])[], file: string): string {
  const all = hosts.flat().length;
  // Each host has its heading, however many there are.
  const most = all <= MAX_LINES ? all : Math.max(1, Math.floor((MAX_LINES - 1) / hosts.length));
  const kept = hosts.flatMap((lines) => mostImportant(lines, most)).map(({ text }) => text);
  const left = all - kept.length;
  return [...kept, ...(left > 0 ? [`and ${left} lines more in ${file}`] : [])].join("\n");
}

function mostImportant(lines: readonly Line[], most: number): Line[] {
  return [...lines.entries()]
    .sort(([at, a], [bt, b]) => a.rank - b.rank || at - bt)
    .slice(0, most)
    .sort(([a], [b]) => a - b)
    .map(([, line]) => line);
}

/** The file: every line of every host, as Markdown. */
export function markdownText(stack: string, texts: readonly string[]): string {
  return [`# Hosts that would change: ${stack}`, ...texts.map((text) => `\`\`\`\n${text}\n\`\`\``), ""].join(
    "\n\n",
  );
}
