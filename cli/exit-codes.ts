/** Exit codes of `pantheros`; `tools/pantheros --help` and the manual page list them. */

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** `status` and `why`: a required host, or the host, needs attention. */
export const EXIT_ATTENTION = 3;

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT_OK, "done"],
  [EXIT_FAILED, "failed; the message names the reason"],
  [EXIT_USAGE, "the command line is invalid; nothing was done"],
  [EXIT_ATTENTION, "status, why: a host needs attention (docs/operations.md); budgets: a limit is exceeded"],
];

/** The command line is invalid; the message says why. */
export class UsageError extends Error {}
