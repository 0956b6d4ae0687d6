/** The words for outcomes and times that forges give to a job. */

/** The words of GitHub's `job.status` and GitLab's CI_JOB_STATUS -> the one that is sent. */
export const OUTCOMES = {
  success: "success",
  failure: "failure",
  cancelled: "cancelled",
  failed: "failure",
  canceled: "cancelled",
} as const;
export type Outcome = (typeof OUTCOMES)[keyof typeof OUTCOMES];

/** Seconds since 1970 as such, or RFC 3339 (GitLab's CI_JOB_STARTED_AT); undefined for any other text. */
export function secondsOf(text: string): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time / 1000;
}
