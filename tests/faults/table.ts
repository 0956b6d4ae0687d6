/** Runs cases of the table in parallel, and prints the result of each. */
import { rmSync } from "node:fs";
import { eachLimit } from "../../sandbox/machines/each-limit.ts";
import { attempt, type Case, type Rehearsed, rehearse, TROUBLES, type Verdict } from "./cases.ts";
import type { Operation } from "./operations.ts";
import { World } from "./world.ts";

/** Random numbers, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Every fault at every changing request. */
export const allCases = (rehearsed: Rehearsed): Case[] =>
  TROUBLES.flatMap((trouble) =>
    Array.from({ length: rehearsed.requests }, (_, index) => ({ rehearsed, trouble, n: index + 1 })),
  );

/** A sample of the cases, spread over all; the same for the same seed. */
export function sampleOf(cases: readonly Case[], count: number, seed: number): Case[] {
  const random = randomOf(seed);
  const drawn = cases.map((each) => ({ each, at: random() })).sort((a, b) => a.at - b.at);
  return drawn.slice(0, count).map(({ each }) => each);
}

/** `failed` is called for an operation that fails without a fault, which has no cases. */
export async function rehearseAll(
  operations: readonly Operation[],
  atOnce: number,
  failed: (operation: Operation, error: unknown) => void,
): Promise<Rehearsed[]> {
  const found = new Map<string, Rehearsed>();
  await eachLimit(operations, atOnce, async (operation) => {
    try {
      found.set(operation.name, await rehearse(operation));
    } catch (error) {
      failed(operation, error);
    }
  });
  return operations.flatMap(({ name }) => found.get(name) ?? []);
}

export const forget = (rehearsed: readonly Rehearsed[]): void => {
  for (const { start } of rehearsed) rmSync(start.directory, { recursive: true, force: true });
};

/** Runs each case in its own world. */
export async function runCases(
  cases: readonly Case[],
  atOnce: number,
  onVerdict: (verdict: Verdict) => void = () => {},
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  await eachLimit(cases, atOnce, async (each) => {
    const world = await World.make(each.rehearsed.operation.environment);
    try {
      const verdict = await attempt(world, each);
      verdicts.push(verdict);
      onVerdict(verdict);
    } finally {
      await world.remove();
    }
  });
  return verdicts;
}
