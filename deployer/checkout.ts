/** What a run deploys from: commit and tree of the flake's directory, and whether it has other changes. */
import { resolve } from "node:path";
import { decodeReference } from "../lib/flake-reference.ts";
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
    const trust = isTrusted ? ["-c", "safe.directory=*"] : [];
    const { exitCode, stdout, stderr } = await runQuery({
      argv: ["git", ...trust, "-C", directory, ...args],
      timeoutSeconds: GIT_SECONDS,
      maxOutputBytes: MAX_GIT_OUTPUT_BYTES,
    });
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
