/**
 * Compares hosts' closures for a preview: `node deployer/closures/main.ts <PAIRS.json`. It reads the local store, and the
 * cache for paths that are missing there; nothing is built or copied. Prints one line of JSON, host -> comparison.
 */
import { text } from "node:stream/consumers";
import * as z from "zod";
import { NIX } from "../nix.ts";
import { runProcess } from "../process/runner.ts";
import { type ClosureComparison, compareClosures, type PathInfos, readPathInfos } from "./diff.ts";

/** One command reads the systems of all hosts. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

const input = z.strictObject({
  hosts: z.record(z.string(), z.strictObject({ from: z.string().nullable(), to: z.string() })),
  cache: z.string().optional(),
  /** Limit for all commands together. */
  seconds: z.int().positive(),
});

const { hosts, cache, seconds } = input.parse(JSON.parse(await text(process.stdin)));
const end = Date.now() + seconds * 1000;

/** Path infos from one store; empty if nix fails (a path is missing) or does not finish in time. */
async function pathInfos(store: readonly string[], paths: readonly string[]): Promise<PathInfos> {
  const left = end - Date.now();
  if (paths.length === 0 || left <= 0) return new Map();
  const { exitCode, stdout } = await runProcess({
    argv: [...NIX, "--option", "connect-timeout", "5", "path-info", ...store, "--json", ...paths],
    timeoutSeconds: left / 1000,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  return exitCode === 0 ? readPathInfos(stdout) : new Map();
}

/** The closures of the `roots` that the store has. */
async function closures(store: readonly string[], roots: readonly string[]): Promise<PathInfos> {
  const present = [...(await pathInfos(store, roots)).keys()];
  return present.length === 0 ? new Map() : pathInfos([...store, "--recursive"], present);
}

const roots = [
  ...new Set(Object.values(hosts).flatMap(({ from, to }) => (from === null ? [to] : [from, to]))),
];
const local = await closures([], roots);
const missing = roots.filter((root) => !local.has(root));
const cached = cache === undefined ? new Map() : await closures(["--store", cache], missing);
const known: PathInfos = new Map([...cached, ...local]);

const comparisons = Object.entries(hosts).map(([host, { from, to }]): [string, ClosureComparison] => {
  const diff = from === null ? undefined : compareClosures(known, from, to);
  return [host, { built: known.has(to), ...(diff !== undefined && { diff }) }];
});
process.stdout.write(`${JSON.stringify(Object.fromEntries(comparisons))}\n`);
