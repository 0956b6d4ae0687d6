/** `pantheros rehearse`: lists the runbooks, or rehearses some in the sandbox. */
import path from "node:path";
import { type Rehearsal, readRehearsals } from "../../centre/rehearsals.ts";
import { loadInventory } from "../../inventory/load.ts";
import type { Inventory } from "../../inventory/schema.ts";
import { wholeDuration } from "../../lib/duration.ts";
import { resultsDirectory } from "../../sandbox/runbooks/result.ts";
import { rehearseAll } from "../../sandbox/runbooks/run.ts";
import { RUNBOOKS } from "../../sandbox/runbooks/table.ts";
import { targetOf } from "../../sandbox/runbooks/targets.ts";
import type { Runbook } from "../../sandbox/runbooks/types.ts";
import { EXIT_FAILED, EXIT_OK, UsageError } from "../exit-codes.ts";
import { type StackOptions, stackName } from "../stack/name.ts";

export interface RehearseOptions extends StackOptions {
  readonly all?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

const write = (text: string) => process.stdout.write(`${text}\n`);

/** The runbooks of these names, in the order of the table. */
export const chosenRunbooks = (names: readonly string[], all: boolean): readonly Runbook[] =>
  RUNBOOKS.filter(({ name }) => all || names.includes(name));

/** @throws UsageError for a stack that a rehearsal would really break */
export function refuseRealStacks(stack: string): void {
  if (stack === "sandbox") return;
  throw new UsageError(
    `a rehearsal breaks what it then restores, so it is for the sandbox only, not for ${stack}; docs/runbooks.md has the steps for a real stack`,
  );
}

/** A runbook with its target and its last result. */
interface Listed {
  readonly name: string;
  readonly title: string;
  readonly targetSeconds?: number;
  readonly last?: Rehearsal;
}

export function listedRunbooks(inventory: Pick<Inventory, "budgets">, directory: string): readonly Listed[] {
  const { results } = readRehearsals(directory);
  return RUNBOOKS.map(({ name, title }) => {
    const targetSeconds = targetOf(inventory, name)?.seconds;
    const last = results.find((each) => each.name === name);
    return {
      name,
      title,
      ...(targetSeconds !== undefined && { targetSeconds }),
      ...(last !== undefined && { last }),
    };
  });
}

export function listText(listed: readonly Listed[]): string {
  const width = Math.max(...listed.map(({ name }) => name.length));
  const titles = Math.max(...listed.map(({ title }) => title.length));
  return listed
    .map(({ name, title, targetSeconds, last }) => {
      const target = targetSeconds === undefined ? "no target" : `target ${wholeDuration(targetSeconds)}`;
      const result =
        last === undefined
          ? "never rehearsed"
          : `${last.passed ? "restored in" : "FAILED after"} ${wholeDuration(last.seconds)} on ${last.startedAt.slice(0, 10)}`;
      return `${name.padEnd(width)}  ${title.padEnd(titles)}  ${target}; ${result}`;
    })
    .join("\n");
}

/** Returns the exit code. */
export async function rehearse(
  names: readonly string[],
  options: RehearseOptions,
  root: string,
): Promise<number> {
  const { all = false, list = false, json = false } = options;
  const runbooks = chosenRunbooks(names, all);
  const inventory = loadInventory(path.join(root, "nix/fleet.toml"));
  if (list || runbooks.length === 0) {
    const listed = listedRunbooks(inventory, resultsDirectory());
    write(json ? JSON.stringify(listed, null, 2) : listText(listed));
    return EXIT_OK;
  }
  refuseRealStacks(stackName(options, { env: process.env, root, cwd: process.cwd() }).short);
  // With --json, standard output has the results alone.
  const shown = json ? "stderr" : "stdout";
  const print = (line: string) => process[shown].write(`${line}\n`);
  const results = await rehearseAll(runbooks, { inventory, shown, print });
  if (json) write(JSON.stringify(results, null, 2));
  else write("the hosts run the rehearsal's fleet; make sandbox returns them to yours");
  return results.every(({ passed }) => passed) ? EXIT_OK : EXIT_FAILED;
}
