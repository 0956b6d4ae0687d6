/** Origin of a deploy: the flake's commit, whether its directory has uncommitted changes, and who started the run. */
import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";
import { runQuery } from "../deployer/process/child.ts";
import { decodeReference } from "../lib/flake-reference.ts";

export interface Provenance {
  /** null: the flake is not in a Git repository. */
  readonly commit: string | null;
  /** The flake's directory has uncommitted changes. */
  readonly dirty: boolean | null;
  readonly by: string;
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

/** The user who started the run: as the CI system names it, else USER@MACHINE. */
export function actor(env: NodeJS.ProcessEnv, fallback: () => string): string {
  const ci = [
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "FORGEJO_ACTOR",
    "CI_COMMIT_AUTHOR",
    "BUILDKITE_BUILD_CREATOR",
  ];
  const found = ci.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return sanitize(found ?? fallback());
}

/** Removes what the supervisor refuses in an argument (quotes, backslashes, control characters); at most 128 characters. */
const sanitize = (text: string): string => text.replace(/["\\\p{Cc}]/gu, "").slice(0, 128) || "unknown";

interface ProvenanceOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Git may read repositories of other users in here: the program's own checkout, whose code runs already. */
  readonly trusted?: string;
  readonly warn?: (message: string) => void;
}

export async function provenance(
  flake: string,
  { env = process.env, trusted = process.cwd(), warn = () => {} }: ProvenanceOptions = {},
): Promise<Provenance> {
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
    return exitCode === 0 ? stdout.trim() : undefined;
  };
  const [tracked, head, changes] = await Promise.all([
    // The commit of a repository that ignores the flake does not describe it.
    git("ls-files", "--error-unmatch", "--", "flake.nix"),
    git("rev-parse", "--verify", "HEAD"),
    git("status", "--porcelain", "--untracked-files=normal", "--", "."),
  ]);
  if (refused) {
    warn(
      `deploys record no commit: ${directory} belongs to another user, so Git does not read it; allow it with: git config --global --add safe.directory '${directory}'`,
    );
  }
  const commit = tracked === undefined ? undefined : head;
  return {
    commit: commit ?? null,
    dirty: commit === undefined || changes === undefined ? null : changes !== "",
    by: actor(env, () => `${userInfo().username}@${hostname()}`),
  };
}
