/** Runs all checks at the same time, each within a time limit. One that fails or hangs hides no other. */

import {
  CannotCheck,
  type Check,
  type CheckResult,
  isProblem,
  notChecked,
  type Observation,
} from "../../lib/check.ts";
import { messageOf } from "../../lib/message-of.ts";

export interface Area {
  readonly name: string;
  readonly checks: readonly Check[];
}

export interface RunOptions {
  /** Of one check. */
  readonly timeoutSeconds: number;
  /** Called with the names of checks that still run, after `reportAfterSeconds` and then once. */
  readonly report?: (waiting: readonly string[]) => void;
  readonly reportAfterSeconds?: number;
}

function resultOf(area: string, check: string, seen: readonly Observation[]): CheckResult {
  const findings = seen.filter(isProblem).map(({ what, why, fix, level }) => ({
    area,
    check,
    level: level ?? ("error" as const),
    what,
    why,
    fix,
  }));
  const notes = seen.flatMap((each) => (isProblem(each) ? [] : [each.note]));
  return { area, check, state: findings.length > 0 ? "found" : "ok", findings, notes };
}

async function runOne(area: string, { name, run }: Check, timeoutSeconds: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, fail) => {
    const late = new CannotCheck(`no result within ${timeoutSeconds} s; --timeout allows more`);
    timer = setTimeout(() => fail(late), timeoutSeconds * 1000);
  });
  try {
    return resultOf(area, name, await Promise.race([Promise.resolve().then(run), limit]));
  } catch (error) {
    return notChecked(area, name, messageOf(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The results, in the order of the areas and their checks. */
export async function runChecks(
  areas: readonly Area[],
  { timeoutSeconds, report = () => {}, reportAfterSeconds = 2 }: RunOptions,
): Promise<readonly CheckResult[]> {
  const waiting = new Set<string>();
  const timer = setTimeout(() => report([...waiting]), reportAfterSeconds * 1000);
  try {
    return await Promise.all(
      areas.flatMap(({ name: area, checks }) =>
        checks.map(async (check) => {
          const label = `${area}: ${check.name}`;
          waiting.add(label);
          try {
            return await runOne(area, check, timeoutSeconds);
          } finally {
            waiting.delete(label);
          }
        }),
      ),
    );
  } finally {
    clearTimeout(timer);
  }
}
