/** Result of one jest run, as tests/reporter.cjs writes it. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The counts of a run, from the reporter's file and jest's exit code. A run that wrote nothing, was interrupted, or
 * failed without a failed test (invalid configuration) counts as one failure.
 */
export function countsOf(text: string | undefined, exitCode: number): Counts {
  if (text === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const { passed, failed, skipped, interrupted } = JSON.parse(text) as Counts & { interrupted?: boolean };
  const hidden = failed === 0 && (exitCode !== 0 || interrupted === true);
  return { passed, failed: hidden ? 1 : failed, skipped };
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** The last line of the output. */
export function closingLine({ passed, failed }: Counts): string {
  return `${passed} passed, ${failed} failed`;
}
