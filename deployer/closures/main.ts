/**
 * Compares hosts' closures for a preview: `node deployer/closures/main.ts <PAIRS.json`. It asks the local store,
 * and the cache for what that lacks; nothing is built or copied. Prints one line of JSON, host -> look, and exits 0.
 */
import { execFile } from "node:child_process";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import * as z from "zod";
import { type ClosureLook, compareClosures, type PathInfos, readPathInfos } from "./diff.ts";

const question = z.strictObject({
  hosts: z.record(z.string(), z.strictObject({ from: z.string().nullable(), to: z.string() })),
  cache: z.string().optional(),
  /** For all of it. */
  seconds: z.int().positive(),
});

const { hosts, cache, seconds } = question.parse(JSON.parse(await text(process.stdin)));
const end = Date.now() + seconds * 1000;

/** What a store says of the paths; nothing when it fails, as for a path it does not have, or is too slow. */
async function pathInfos(store: readonly string[], paths: readonly string[]): Promise<PathInfos> {
  const left = end - Date.now();
  if (paths.length === 0 || left <= 0) return new Map();
  const nix = ["--extra-experimental-features", "nix-command flakes", "--option", "connect-timeout", "5"];
  const args = [...nix, "path-info", ...store, "--json", ...paths];
  const options = { timeout: left, maxBuffer: 512 * 1024 * 1024 };
  return promisify(execFile)("nix", args, options).then(
    ({ stdout }) => readPathInfos(stdout),
    () => new Map(),
  );
}

/** The closures of those of `roots` that the store has. */
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

const looks = Object.entries(hosts).map(([host, { from, to }]): [string, ClosureLook] => {
  const diff = from === null ? undefined : compareClosures(known, from, to);
  return [host, { built: known.has(to), ...(diff === undefined ? {} : { diff }) }];
});
process.stdout.write(`${JSON.stringify(Object.fromEntries(looks))}\n`);
