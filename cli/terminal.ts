/** Columns of the terminal on standard output; undefined in a pipe or a file, where nothing is cut. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? process.stdout.columns : undefined;
