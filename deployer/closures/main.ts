/**
 * Compares hosts' closures for a preview: `node deployer/closures/main.ts <PAIRS.json`. It reads the local store, and the
 * cache for paths that are missing there; nothing is built or copied. Prints one line of JSON, host -> comparison.
 */
import { text } from "node:stream/consumers";
import * as z from "zod";
import { type ClosureComparison, compareClosures } from "./diff.ts";
import { readClosures } from "./read.ts";

const input = z.strictObject({
  hosts: z.record(z.string(), z.strictObject({ from: z.string().nullable(), to: z.string() })),
  cache: z.string().optional(),
  /** Limit for all commands together. */
  seconds: z.int().positive(),
});

const { hosts, cache, seconds } = input.parse(JSON.parse(await text(process.stdin)));
const roots = [
  ...new Set(Object.values(hosts).flatMap(({ from, to }) => (from === null ? [to] : [from, to]))),
];
const known = await readClosures(roots, { cache, seconds });

const comparisons = Object.entries(hosts).map(([host, { from, to }]): [string, ClosureComparison] => {
  const diff = from === null ? undefined : compareClosures(known, from, to);
  return [host, { built: known.has(to), ...(diff !== undefined && { diff }) }];
});
process.stdout.write(`${JSON.stringify(Object.fromEntries(comparisons))}\n`);
