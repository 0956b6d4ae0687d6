/**
 * Fixes the input of an evaluation: the flake's current files, as a copy in the Nix store, and a
 * fingerprint of everything that the result depends on. Files that change during the run change
 * neither.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import * as z from "zod";
import { encodeReference } from "../../lib/flake-reference.ts";
import { sha256 } from "../../lib/sha256.ts";
import { NIX } from "../nix.ts";
import type { CommandResult } from "../process/runner.ts";
import { EvaluationError } from "./errors.ts";

export interface FlakeArgs {
  /** Flake reference with the attribute `deployTargets`, such as `path:./nix`. */
  readonly flake: string;
  /** Flake input -> reference that replaces the locked one. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** Arguments of Nix for a flake. */
export const flakeArguments = ({ overrides = {} }: FlakeArgs): string[] => [
  "--no-write-lock-file",
  ...Object.entries(overrides).flatMap(([input, ref]) => ["--override-input", input, encodeReference(ref)]),
];

/** A quoted Nix attribute name, because a host's name may be a keyword. */
export const quotedName = (name: string): string => `"${name.replace(/["\\$]/g, "\\$&")}"`;

/** The command shown in errors. It evaluates one host; without `host` it lists the hosts of the flake. */
export const plainEvalArgv = (flake: FlakeArgs, host?: string): string[] => [
  ...[...NIX, "eval", "--json", ...flakeArguments(flake)],
  `${encodeReference(flake.flake)}#deployTargets${host === undefined ? "" : `.${quotedName(host)}`}`,
  ...(host === undefined ? ["--apply", "builtins.attrNames"] : []),
];

export interface FixedFlake extends FlakeArgs {
  /** Equal fingerprints mean equal results. Undefined: a part is not fixed, so no result may be kept. */
  readonly fingerprint: string | undefined;
  /** Undefined without a fingerprint. */
  readonly source?: FlakeSource;
}

/** The flake's files in the Nix store. */
export interface FlakeSource {
  readonly path: string;
  /** The flake's directory in `path`, "" for the whole. */
  readonly directory: string;
  /** Fingerprint of an evaluation that reads only this content instead of all files. */
  readonly fingerprintOf: (content: unknown) => string;
}

/** Runs a Nix command within the evaluation's time limit. */
export type NixQuery = (argv: readonly string[]) => Promise<CommandResult>;

const locked = z.looseObject({
  type: z.string(),
  narHash: z.string().optional(),
  rev: z.string().optional(),
  dir: z.string().optional(),
  lastModified: z.number().optional(),
});
const node = z.looseObject({
  locked: locked.optional(),
  inputs: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  parent: z.array(z.string()).optional(),
});
/** Output of `nix flake metadata --json` (Nix manual, "nix flake metadata"). */
const metadata = z.object({
  path: z.string(),
  url: z.string(),
  locked,
  locks: z.object({ root: z.string(), nodes: z.record(z.string(), node) }),
});
type Locked = z.infer<typeof locked>;
type Metadata = z.infer<typeof metadata>;

/**
 * Settings of Nix that an evaluation can depend on. Pure evaluation reads neither environment
 * variables nor the time.
 */
const SETTINGS = [
  "allow-import-from-derivation",
  "allow-unsafe-native-code-during-evaluation",
  "allowed-uris",
  "eval-system",
  "experimental-features",
  "extra-platforms",
  "nix-path",
  "pure-eval",
  "restrict-eval",
  "store",
  "system",
  "system-features",
];
const settings = z.record(z.string(), z.object({ value: z.unknown() }));

/** @throws EvaluationError when the flake can't be read. */
export async function fixFlake(args: FlakeArgs, query: NixQuery): Promise<FixedFlake> {
  const argv = [...NIX, "flake", "metadata", "--json", ...flakeArguments(args), encodeReference(args.flake)];
  const [described, version, config] = await Promise.all([
    query(argv),
    query(["nix", "--version"]),
    query([...NIX, "config", "show", "--json"]),
  ]);
  if (described.exitCode !== 0) throw new EvaluationError(args.flake, plainEvalArgv(args), described);
  const found = metadata.safeParse(parsed(described.stdout));
  // A version of Nix whose output has another form can still evaluate, but nothing is kept.
  if (!found.success) return { ...args, fingerprint: undefined };
  const { path, locked: root } = found.data;
  const nix = settings.safeParse(parsed(config.stdout));
  const parts =
    version.exitCode === 0 && nix.success
      ? fingerprintParts(found.data, version.stdout, nix.data)
      : undefined;
  const fingerprintOf = (content: unknown) => sha256(JSON.stringify({ ...parts, root: content }));
  return {
    flake: fixedReference(root, path) ?? found.data.url,
    overrides: Object.fromEntries(
      Object.entries(args.overrides ?? {}).map(([input, ref]) => [
        input,
        fixedOverride(found.data, input) ?? ref,
      ]),
    ),
    fingerprint: parts === undefined ? undefined : fingerprintOf(parts.root),
    ...(parts !== undefined && { source: { path, directory: root.dir ?? "", fingerprintOf } }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A reference to the flake's copy in the store; undefined for a revision, which is fixed already.
 * It has no time stamp, so that a new checkout of the same files is the same flake.
 */
function fixedReference({ rev, dir }: Locked, storePath: string): string | undefined {
  if (rev !== undefined) return undefined;
  return `path:${storePath}${dir === undefined ? "" : `?dir=${encodeURIComponent(dir)}`}`;
}

/**
 * A reference to the store copy of a local directory that replaces an input; undefined: keep the
 * reference.
 */
function fixedOverride({ path, locked: root, locks }: Metadata, input: string): string | undefined {
  let name: string | string[] | undefined = locks.root;
  for (const part of input.split("/")) {
    name = typeof name === "string" ? locks.nodes[name]?.inputs?.[part] : undefined;
  }
  const found = typeof name === "string" ? locks.nodes[name]?.locked : undefined;
  if (found?.type !== "path" || found.narHash === undefined || root.narHash === undefined) return undefined;
  const store = dirname(path);
  // Nix names the copy of a source by its hash. The flake's own copy shows whether this version of
  // Nix does so.
  if (sourcePath(store, root.narHash) !== path) return undefined;
  const { dir, lastModified } = found;
  const query = new URLSearchParams({
    ...(dir !== undefined && { dir }),
    ...(lastModified !== undefined && { lastModified: String(lastModified) }),
  });
  return `path:${sourcePath(store, found.narHash)}?${query}`;
}

interface FingerprintParts {
  readonly version: string;
  readonly settings: readonly unknown[];
  /** The flake's own files. */
  readonly root: unknown;
  readonly nodes: readonly unknown[];
}

/**
 * Everything that the result depends on; undefined when a part has no hash, because it could change
 * unnoticed.
 */
function fingerprintParts(
  { locked: root, locks }: Metadata,
  version: string,
  nix: z.infer<typeof settings>,
): FingerprintParts | undefined {
  if (nix["pure-eval"]?.value !== true) return undefined;
  const nodes = Object.entries(locks.nodes).map(([name, { locked: input, inputs, parent }]) => {
    if (input === undefined) return { name, inputs };
    // A relative path inside another input is a part of that input's content.
    const fixed = input.narHash !== undefined || (parent !== undefined && input.type === "path");
    return fixed ? { name, inputs, parent, locked: withoutPlace(input) } : undefined;
  });
  if (root.narHash === undefined || nodes.includes(undefined)) return undefined;
  const { lastModified, ...content } = withoutPlace(root);
  return {
    version: version.trim(),
    settings: SETTINGS.map((name) => [name, nix[name]?.value]),
    // The time stamp of a revision is a part of it. That of a directory is left out, as in
    // `fixedReference`.
    root: root.rev === undefined ? content : { ...content, lastModified },
    nodes,
  };
}

/** Removes the path of a directory, because its copy in the store is evaluated. */
function withoutPlace({ type, ...rest }: Locked): Record<string, unknown> & { lastModified?: unknown } {
  if (type !== "path" || rest.narHash === undefined) return { type, ...rest };
  const { path: _, ...content } = rest as typeof rest & { path?: unknown };
  return { type, ...content };
}

const BASE32 = "0123456789abcdfghijklmnpqrsvwxyz";

/**
 * Store path of a source with this NAR hash (`sha256-BASE64`).
 * Source: Nix manual, "Store path specification" and "Nix32". The 256 bits of the hash are folded to
 * 160 by exclusive or.
 */
export function sourcePath(store: string, narHash: string): string {
  const inner = Buffer.from(narHash.replace(/^sha256-/, ""), "base64").toString("hex");
  const hash = createHash("sha256").update(`source:sha256:${inner}:${store}:source`).digest();
  const folded = Buffer.alloc(20);
  for (const [at, byte] of hash.entries()) folded[at % 20] = (folded[at % 20] ?? 0) ^ byte;
  let text = "";
  for (let at = 31; at >= 0; at -= 1) {
    const [byte, shift] = [Math.floor((at * 5) / 8), (at * 5) % 8];
    const bits = ((folded[byte] ?? 0) >> shift) | ((folded[byte + 1] ?? 0) << (8 - shift));
    text += BASE32[bits & 31];
  }
  return `${store}/${text}-source`;
}
