/** Checks of `tools/pantheros doctor`: each looks at one thing that must be right, and returns what it found. */

/** Something that is wrong, and its remedy. */
export interface Problem {
  readonly what: string;
  /** What goes wrong because of it. */
  readonly why: string;
  /** The command or the edit that fixes it. */
  readonly fix: string;
  /** `warning`: a run works, but more is allowed than it needs. */
  readonly level?: "warning";
}

/** What a reader must judge, because nothing here can tell whether it is right. */
export interface Note {
  readonly note: string;
}

export type Observation = Problem | Note;

export interface Check {
  /** What is checked, in a few words. */
  readonly name: string;
  run(): Observation[] | Promise<Observation[]>;
}

/** Why a check has no result. Its message is shown to the user. */
export class CannotCheck extends Error {}

export const isProblem = (each: Observation): each is Problem => "what" in each;

/** A finding in the report. */
export interface Finding {
  readonly area: string;
  readonly check: string;
  readonly level: "error" | "warning";
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** What became of one check. */
export interface CheckResult {
  readonly area: string;
  readonly check: string;
  readonly state: "ok" | "found" | "not checked";
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  /** Why there is no result. */
  readonly reason?: string;
}

/** Result of a check that has none. */
export const notChecked = (area: string, check: string, reason: string): CheckResult => ({
  area,
  check,
  state: "not checked",
  findings: [],
  notes: [],
  reason,
});

/** The value of a variable. @throws CannotCheck when it is not set */
export function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value) return value;
  throw new CannotCheck(`${name} is not set`);
}

/** A finding for variables that are not set. */
export function missingProblems(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  why: string,
  fix: string,
): Problem[] {
  const missing = names.filter((name) => !env[name]);
  if (missing.length === 0) return [];
  const verb = missing.length === 1 ? "is" : "are";
  return [
    {
      what: `${missing.join(" and ")} ${verb} not set`,
      why,
      fix: `${fix}; run the command with op run --env-file`,
    },
  ];
}
