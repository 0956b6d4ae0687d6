/** Makes a comment fit into its limit: blocks get shorter forms, the least important block first. */

export interface Block {
  /** Blocks with a low importance are shortened first. */
  readonly importance: number;
  /** From the whole to the shortest. */
  readonly forms: readonly [string, ...string[]];
  /** The shortest form may be left out where there are too many of them; a line gives their number. */
  readonly droppable?: boolean;
}

/** GitHub refuses more than 65,536 characters; GitLab 1,000,000. */
export const MAX_BYTES = 60_000;

/** Between two blocks. */
const GAP = "\n\n";
/** Bytes that the line with the number of dropped blocks may need. */
const DROPPED_BYTES = 80;

const droppedLine = (count: number): string => `${count} more details are left out.`;

/** The blocks in their order, within `maxBytes` of UTF-8 where their shortest forms allow that. */
export function fitBlocks(blocks: readonly Block[], maxBytes: number): string {
  const sizes = blocks.map(({ forms }) =>
    forms.map((form) => (form === "" ? 0 : Buffer.byteLength(form) + GAP.length)),
  );
  const chosen = blocks.map(() => 0);
  const dropped = new Set<number>();
  const sizeOf = (at: number): number => sizes[at]?.[chosen[at] ?? 0] ?? 0;
  let total = blocks.reduce((sum, _, at) => sum + sizeOf(at), 0);
  // Of equally important blocks the last one goes first.
  const order = [...blocks.keys()].sort(
    (a, b) => (blocks[a]?.importance ?? 0) - (blocks[b]?.importance ?? 0) || b - a,
  );
  for (const at of order) {
    const last = (blocks[at]?.forms.length ?? 1) - 1;
    while (total > maxBytes && (chosen[at] ?? 0) < last) {
      total -= sizeOf(at);
      chosen[at] = (chosen[at] ?? 0) + 1;
      total += sizeOf(at);
    }
  }
  for (const at of order) {
    if (total <= maxBytes - (dropped.size > 0 ? DROPPED_BYTES : 0)) break;
    if (!blocks[at]?.droppable) continue;
    dropped.add(at);
    total -= sizeOf(at);
  }
  const texts = blocks.flatMap(({ forms }, at) => (dropped.has(at) ? [] : [forms[chosen[at] ?? 0] ?? ""]));
  const last = texts.pop() ?? "";
  const notes = dropped.size > 0 ? [droppedLine(dropped.size)] : [];
  return `${[...texts, ...notes, last].filter((text) => text !== "").join(GAP)}\n`;
}
