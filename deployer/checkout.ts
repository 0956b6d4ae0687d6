/** What a run is made from: Git's commit, the tree of the flake's directory, and whether there are other changes. */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { decodeReference } from "../lib/flake-reference.ts";
import { RunError } from "../lib/run-error.ts";
import { runQuery } from "./process/child.ts";

export interface Checkout {
  /** null: the flake is not in a Git repository. */
  readonly commit: string | null;
  /** Git's id of the flake's directory in that commit. */
  readonly tree: string | null;
  /** The flake's directory has uncommitted changes. */
  readonly dirty: boolean | null;
  /**
   * Paths in the flake's directory that the tree does not contain as they are. A `path:` flake also
   * has the files that Git ignores, because Nix copies them.
   */
  readonly changes: readonly string[];
}

/** A repository on a dead network drive must not delay a deploy. */
const GIT_SECONDS = 10;
const MAX_GIT_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The directory of a local flake reference: `./nix`, `path:/x`, `git+file:///x?dir=nix`. */
export function flakeDirectory(reference: string): string | undefined {
  const [, local = "", query = ""] =
    /^(?:path:|git\+file:\/\/)?([^:?#]+)(?:\?([^#]*))?(?:#.*)?$/.exec(reference) ?? [];
  if (local === "") return undefined;
  return resolve(decodeReference(local), new URLSearchParams(query).get("dir") ?? ".");
}

/** Runs Git in a directory. @param trusted Git also reads a repository of another user */
const gitIn = (
  directory: string,
  trusted: boolean,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) =>
  runQuery({
    argv: ["git", ...(trusted ? ["-c", "safe.directory=*"] : []), "-C", directory, ...args],
    env,
    timeoutSeconds: GIT_SECONDS,
    maxOutputBytes: MAX_GIT_OUTPUT_BYTES,
  });

/**
 * Writes the files that a directory of a repository had at a revision.
 * @param into an empty directory
 * @returns the commit's id, and whether it has the directory
 * @throws RunError when Git does not have the revision
 */
export async function extractRevision(
  directory: string,
  revision: string,
  into: string,
): Promise<{ readonly commit: string; readonly hasDirectory: boolean }> {
  const git = (args: readonly string[]) => gitIn(directory, true, args);
  const commit = await git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`]);
  if (commit.exitCode !== 0) {
    throw new RunError(
      `Git has no revision "${revision}" in ${directory}; in a shallow clone fetch it first: git fetch origin ${revision}`,
    );
  }
  const id = commit.stdout.trim();
  const tree = await git(["rev-parse", "--verify", "--quiet", `${id}:./`]);
  if (tree.exitCode !== 0) return { commit: id, hasDirectory: false };
  // In a subdirectory Git would write only the files below it.
  const top = (await git(["rev-parse", "--show-toplevel"])).stdout.trimEnd();
  // An index of its own: that of the checkout stays as it is.
  const env = { GIT_INDEX_FILE: join(into, ".index") };
  for (const args of [
    ["read-tree", tree.stdout.trim()],
    ["checkout-index", "--all", `--prefix=${into}/`],
  ]) {
    const done = await gitIn(top, true, args, env);
    if (done.exitCode !== 0) throw new RunError(`git ${args[0]} ${id}: ${done.stderr.trim()}`);
  }
  rmSync(env.GIT_INDEX_FILE, { force: true });
  return { commit: id, hasDirectory: true };
}

/**
 * The commit of the program's own checkout, and whether any of its files has changes.
 * @returns no commit outside of Git
 */
export async function readCommit(root: string): Promise<{ commit?: string; dirty?: boolean }> {
  const [head, status] = await Promise.all([
    gitIn(root, true, ["rev-parse", "--verify", "HEAD"]),
    gitIn(root, true, ["status", "--porcelain"]),
  ]);
  if (head.exitCode !== 0) return {};
  return { commit: head.stdout.trimEnd(), dirty: status.stdout.trim() !== "" };
}

interface CheckoutOptions {
  /** Git may read repositories of other users in here: the program's own checkout, whose code runs already. */
  readonly trusted?: string;
  readonly warn?: (message: string) => void;
}

export async function readCheckout(
  flake: string,
  { trusted = process.cwd(), warn = () => {} }: CheckoutOptions = {},
): Promise<Checkout> {
  const directory = flakeDirectory(flake);
  const isTrusted = directory !== undefined && `${directory}/`.startsWith(`${trusted}/`);
  let refused = false;
  const git = async (...args: string[]): Promise<string | undefined> => {
    if (directory === undefined) return undefined;
    const { exitCode, stdout, stderr } = await gitIn(directory, isTrusted, args);
    refused ||= stderr.includes("dubious ownership");
    return exitCode === 0 ? stdout.trimEnd() : undefined;
  };
  const status = [
    "status",
    "--porcelain",
    "-z",
    "--no-renames",
    "--untracked-files=normal",
    "--ignored=matching",
  ];
  const [tracked, head, tree, changed] = await Promise.all([
    // The commit of a repository that ignores the flake does not describe it.
    git("ls-files", "--error-unmatch", "--", "flake.nix"),
    git("rev-parse", "--verify", "HEAD"),
    git("rev-parse", "--verify", "HEAD:./"),
    git(...status, "--", "."),
  ]);
  if (refused) {
    warn(
      `deploys record no commit: ${directory} belongs to another user, so Git does not read it; allow it with: git config --global --add safe.directory '${directory}'`,
    );
  }
  if (tracked === undefined || head === undefined)
    return { commit: null, tree: null, dirty: null, changes: [] };
  const lines = changed?.split("\0").filter((line) => line !== "") ?? [];
  const uncommitted = lines.filter((line) => !line.startsWith("!!"));
  const copied = flake.startsWith("path:") ? lines : uncommitted;
  return {
    commit: head,
    tree: tree ?? null,
    dirty: changed === undefined ? null : uncommitted.length > 0,
    changes: changed === undefined ? ["(git status failed)"] : copied.map((line) => line.slice(3)),
  };
}
