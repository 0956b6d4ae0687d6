/**
 * Compares a builder's closure with the paths of it that the runner has, before the closure is signed. This finds paths that were changed
 * on the builder, and builds that are not reproducible. It is no proof, since a hostile builder can give another answer while the closure
 * is signed; the key, which one host alone trusts, bounds the damage.
 */

import { join } from "node:path";
import * as z from "zod";
import { isStorePath } from "../../lib/store-path.ts";
import { NIX } from "../nix.ts";
import { storeUri } from "../ssh.ts";
import { builderHint, builderOf, sshEnvironment } from "./closure.ts";
import type { DeploySpec } from "./spec.ts";
import type { RunnerFiles, Step } from "./steps.ts";

/** What a path's signature covers, besides its name. */
export interface PathInfo {
  readonly narHash: string;
  readonly narSize: number;
  readonly references: readonly string[];
}
/** Keys are base names of store paths. */
export type PathInfos = ReadonlyMap<string, PathInfo>;

/** A step whose output goes to a file, because it can exceed what the runner keeps of an output. */
export interface WrittenStep {
  /** Without the redirection, for messages. */
  readonly step: Step;
  readonly written: Step;
  readonly file: string;
}

/** Limit of a builder's answer. For the closure of a desktop, with 5000 paths, the answer has 6 MB. */
const MAX_MEGABYTES = 64;

function intoFile(step: Step, file: string, limit: string): WrittenStep {
  const argv = ["sh", "-c", `${limit}exec "$@" >"$0"`, file, ...step.argv];
  return { step, written: { ...step, argv }, file };
}

const pathInfoArgv = (...words: readonly string[]): string[] => [
  ...NIX,
  "path-info",
  "--offline",
  "--json",
  ...words,
];

/** Reads the closure's paths from the builder's store. */
export function builderInfosStep(spec: DeploySpec, files: RunnerFiles): WrittenStep {
  const builder = builderOf(spec, files);
  if (builder === undefined) throw new Error(`${spec.host} is built on the runner`);
  const step: Step = {
    name: "sign",
    argv: pathInfoArgv("--recursive", "--store", storeUri(builder), spec.outPath),
    env: sshEnvironment(files),
    timeoutSeconds: spec.seconds.sign,
    hint: (ran) => builderHint(builder, spec, ran),
  };
  // `ulimit -f` counts blocks of 512 bytes (POSIX).
  return intoFile(
    step,
    join(files.connections, `${spec.host}.theirs`),
    `ulimit -f ${MAX_MEGABYTES * 2048}; `,
  );
}

/** Reads `paths` from the runner's store. */
export function ownInfosStep(spec: DeploySpec, paths: readonly string[], files: RunnerFiles): WrittenStep {
  const step: Step = {
    name: "sign",
    argv: pathInfoArgv("--stdin"),
    input: paths.map((path) => `${path}\n`).join(""),
    timeoutSeconds: spec.seconds.sign,
    hint: () => undefined,
  };
  return intoFile(step, join(files.connections, `${spec.host}.own`), "");
}

const info = z.object({ narHash: z.string(), narSize: z.number(), references: z.array(z.string()) });
/** A path that the store lacks is null. */
const asked = z.record(z.string(), info.nullable());
/** The format before Nix 2.19: a list, in which such a path is not valid. */
const listed = z.array(
  z.union([
    info.extend({ path: z.string(), valid: z.literal(true).optional() }),
    z.object({ path: z.string(), valid: z.literal(false) }),
  ]),
);

const STORE = "/nix/store/";
/** Newer versions of the format omit the store's directory. @throws Error when it is not a store path. */
function baseName(path: string): string {
  const name = path.startsWith(STORE) ? path.slice(STORE.length) : path;
  if (isStorePath(storePath(name))) return name;
  throw new Error(`not a store path: ${path.slice(0, 100)}`);
}
export const storePath = (name: string): string => `${STORE}${name}`;

type Entry = readonly [string, z.infer<typeof info> | null];

function entriesOf(value: unknown): readonly Entry[] {
  const record = asked.safeParse(value);
  if (record.success) return Object.entries(record.data);
  const list = listed.safeParse(value);
  if (!list.success) throw new Error("not the output of `nix path-info --json`");
  return list.data.map((entry): Entry => [entry.path, "narHash" in entry ? entry : null]);
}

/** Parses the output of `nix path-info --json`. @throws Error when it is anything else. */
export function readInfos(json: string): PathInfos {
  return new Map(
    entriesOf(JSON.parse(json)).flatMap(([path, entry]): [string, PathInfo][] => {
      if (entry === null) return [];
      const { narHash, narSize, references } = entry;
      const name = baseName(path);
      return [[name, { narHash: plainHash(narHash), narSize, references: references.map(baseName).sort() }]];
    }),
  );
}

/** Nix's base 32: without e, o, t and u, lowest byte last. Source: libutil/base-nix-32.cc. */
const DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";

/** `sha256-BASE64`, `sha256:BASE32` or `sha256:BASE16` to base 16. @throws Error for anything else. */
export function plainHash(text: string): string {
  const [, word = ""] = /^sha256[:-](.*)$/.exec(text) ?? [];
  if (/^[0-9a-f]{64}$/.test(word)) return word;
  if (/^[A-Za-z0-9+/]{43}=$/.test(word)) return Buffer.from(word, "base64").toString("hex");
  const number = [...word].reduce((sum, digit) => sum * 32n + BigInt(DIGITS.indexOf(digit)), 0n);
  if (word.length !== 52 || [...word].some((digit) => !DIGITS.includes(digit))) {
    throw new Error(`not a SHA-256 hash: ${text.slice(0, 100)}`);
  }
  // The first digit is the highest, and the bytes are in reverse order.
  return Buffer.from(number.toString(16).padStart(64, "0").slice(-64), "hex").reverse().toString("hex");
}

/** The first path that both stores have with different content. */
export function firstDifference(theirs: PathInfos, own: PathInfos): string | undefined {
  for (const [path, mine] of own) {
    const theirInfo = theirs.get(path);
    if (theirInfo !== undefined && JSON.stringify(theirInfo) !== JSON.stringify(mine)) return storePath(path);
  }
  return undefined;
}
