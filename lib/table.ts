/** Rows as lines, with columns padded to the widest cell. Lines that are longer than `width` are cut. */
export function table(rows: readonly (readonly string[])[], width?: number): string[] {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) => {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
    return width === undefined || line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
  });
}
