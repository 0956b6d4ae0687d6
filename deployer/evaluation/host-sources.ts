/**
 * The files that one host's evaluation can read, for flakes with the output `deployTargetOf`: the
 * flake without the folders in `hosts/`, and the host's own folder. A change in one folder then
 * concerns one host.
 *
 * This does not depend on the flake's discipline. The evaluated copy has no other host's folder, so
 * an expression that reads one fails, and the host is evaluated from the whole flake.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type FixedFlake, type FlakeSource, type NixQuery, quotedName, sourcePath } from "./flake.ts";
import { type Directory, narHash, placed, readTree, type Tree, writeTree } from "./nar.ts";
import type { EvaluationSource } from "./nix-eval.ts";

const HOSTS = "hosts";
/** The output's name in flake.nix. Without it nothing is tried. */
const OUTPUT = "deployTargetOf";
const MENTIONS_OUTPUT = new RegExp(`\\b${OUTPUT}\\b`);

interface HashedTree {
  readonly tree: Tree;
  readonly narHash: string;
}
interface Folder extends HashedTree {
  readonly name: string;
}

/** Host -> names that its folder may have, the first existing one counts. */
export type FolderNames = (host: string) => readonly string[];

/**
 * Undefined: the flake has no such output, or its files can't be read, so a host's result depends on
 * the whole flake.
 */
export function hostSources(
  flake: FixedFlake,
  namesOf: FolderNames,
  query: NixQuery,
): HostSources | undefined {
  const { source } = flake;
  if (source === undefined) return undefined;
  try {
    const path = onDisk(source.path);
    const text = readFileSync(join(path, source.directory, "flake.nix"), "utf8");
    if (!MENTIONS_OUTPUT.test(text)) return undefined;
    const { shared, folders } = split(readTree(path), pathParts(source.directory));
    const hashed = new Map<string, Folder>();
    for (const [name, tree] of folders) {
      const alone = placed(tree, [HOSTS, name]);
      hashed.set(name, { name, tree: alone, narHash: narHash(alone) });
    }
    const core = { tree: shared, narHash: narHash(shared) };
    return new HostSources({ flake, source, core, folders: hashed, namesOf, query });
  } catch {
    return undefined;
  }
}

/**
 * Where a store path is. Without a writable /nix and a daemon, Nix keeps the store in the user's data
 * directory (Nix manual, "Local Store", `root`; src/libstore/store-api.cc, `openStore`).
 */
function onDisk(path: string): string {
  const data = process.env["XDG_DATA_HOME"] || join(homedir(), ".local/share");
  const own = join(data, "nix/root", path);
  return !existsSync(path) && existsSync(own) ? own : path;
}

const pathParts = (path: string): string[] => path.split("/").filter((part) => part !== "");

/** @throws Error when the tree has no such directory */
function split(tree: Tree, directory: readonly string[]): { shared: Tree; folders: [string, Tree][] } {
  if (tree.kind !== "directory") throw new Error("the flake is not a directory");
  const [first, ...rest] = directory;
  const name = first ?? HOSTS;
  const inner = tree.entries.get(name);
  if (inner?.kind !== "directory") throw new Error(`the flake has no directory ${name}`);
  const parts = first === undefined ? withoutFolders(inner) : split(inner, rest);
  return { ...parts, shared: { ...tree, entries: new Map([...tree.entries, [name, parts.shared]]) } };
}

/** Files directly in `hosts/` are shared. */
function withoutFolders({ entries }: Directory): { shared: Tree; folders: [string, Tree][] } {
  const isFolder = ([, tree]: [string, Tree]) => tree.kind === "directory";
  const files = new Map([...entries].filter((entry) => !isFolder(entry)));
  return { shared: { kind: "directory", entries: files }, folders: [...entries].filter(isFolder) };
}

interface HostSourcesArgs {
  readonly flake: FixedFlake;
  readonly source: FlakeSource;
  readonly core: HashedTree;
  readonly folders: ReadonlyMap<string, Folder>;
  readonly namesOf: FolderNames;
  readonly query: NixQuery;
}

export class HostSources {
  readonly #args: HostSourcesArgs;

  constructor(args: HostSourcesArgs) {
    this.#args = args;
  }

  #folder(host: string): Folder | undefined {
    const { folders, namesOf } = this.#args;
    return namesOf(host)
      .map((name) => folders.get(name))
      .find((folder) => folder !== undefined);
  }

  /** Covers all that the host's result depends on. */
  fingerprint(host: string): string {
    const { source, core } = this.#args;
    const folder = this.#folder(host);
    return source.fingerprintOf({
      shared: core.narHash,
      directory: source.directory,
      folder: folder === undefined ? null : [folder.name, folder.narHash],
    });
  }

  /** Adds the files of these hosts to the Nix store. Undefined: that is not possible. */
  async store(hosts: readonly string[]): Promise<EvaluationSource | undefined> {
    const { flake, source, core, query } = this.#args;
    const store = dirname(source.path);
    const folders = hosts.flatMap((host) => this.#folder(host) ?? []);
    if (!(await addSources(store, [core, ...new Set(folders)], query))) return undefined;
    const directory = source.directory === "" ? "" : `?dir=${encodeURIComponent(source.directory)}`;
    return {
      flake: { ...flake, flake: `path:${sourcePath(store, core.narHash)}${directory}` },
      attribute: OUTPUT,
      targetOf: (chunk) => this.#targetOf(store, chunk),
      fingerprint: (host) => this.fingerprint(host),
    };
  }

  /** A Nix function: output -> host -> target. */
  #targetOf(store: string, hosts: readonly string[]): string {
    const folders = hosts.map((host) => {
      const folder = this.#folder(host);
      return `${quotedName(host)} = ${folder === undefined ? "null" : folderPath(store, folder)};`;
    });
    return `output: let folders = { ${folders.join(" ")} }; in name: output { inherit name; folder = folders.\${name}; }`;
  }
}

/**
 * A path in the store. Pure evaluation reads it because its hash is known (Nix manual,
 * `builtins.fetchTree`); without its context it is a path value, as `./hosts/NAME` is.
 */
function folderPath(store: string, { name, narHash: hash }: Folder): string {
  const tree = `builtins.fetchTree { type = "path"; path = "${sourcePath(store, hash)}"; narHash = "${hash}"; }`;
  return `/. + builtins.unsafeDiscardStringContext (${tree}).outPath + ${quotedName(`/${HOSTS}/${name}`)}`;
}

/** False when Nix stores something else than what was hashed. */
async function addSources(store: string, sources: readonly HashedTree[], query: NixQuery): Promise<boolean> {
  const scratch = await mkdtemp(join(tmpdir(), "pantheros-sources-"));
  try {
    const copies: string[] = [];
    for (const [at, { tree }] of sources.entries()) {
      const parent = await mkdtemp(join(scratch, `${at}-`));
      // The name that Nix gives to a flake's files.
      const copy = join(parent, "source");
      writeTree(tree, copy);
      copies.push(copy);
    }
    const added = await query(["nix-store", "--add-fixed", "--recursive", "sha256", ...copies]);
    const paths = added.stdout.trim().split("\n");
    return added.exitCode === 0 && sources.every((one, at) => paths[at] === sourcePath(store, one.narHash));
  } catch {
    return false;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
