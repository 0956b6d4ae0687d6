/** The runbooks, in the order of a rehearsal of all: the disaster, which takes everything, is last. */
export const RUNBOOK_NAMES = ["configuration", "secret", "cache", "database", "host", "disaster"] as const;
export type RunbookName = (typeof RUNBOOK_NAMES)[number];
