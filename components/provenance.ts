/** Whose deploy a run is: the commit of the flake, whether anything beside it counts, and who asked for it. */
import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";

export interface Provenance {
  /** null: the flake is in no Git repository. */
  readonly commit: string | null;
  /** The directory of the flake has changes that are not committed. */
  readonly dirty: boolean | null;
  readonly by: string;
}

/** Seconds that Git may take; a repository on a dead network drive must not hold a deploy. */
const GIT_SECONDS = 10;

/** The directory of a flake reference, where it is one: `./nix`, `path:/x`, `git+file:///x?dir=nix`. */
export function flakeDirectory(reference: string): string | undefined {
  const [, local = "", query = ""] =
    /^(?:path:|git\+file:\/\/)?([^:?#]+)(?:\?([^#]*))?(?:#.*)?$/.exec(reference) ?? [];
  if (local === "") return undefined;
  return resolve(local, new URLSearchParams(query).get("dir") ?? ".");
}

/** The person or the machine account behind a run: as the CI system names it, else USER@MACHINE. */
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

/** Without what a host's supervisor does not take in a word: quotes, backslashes, control characters; at most 128. */
const sanitize = (text: string): string => text.replace(/["\\\p{Cc}]/gu, "").slice(0, 128) || "unknown";

function git(directory: string, ...args: string[]): Promise<string | undefined> {
  return new Promise((done) => {
    const options = { timeout: GIT_SECONDS * 1000, maxBuffer: 64 * 1024 * 1024 };
    execFile("git", ["-C", directory, ...args], options, (error, stdout) =>
      done(error === null ? stdout.trim() : undefined),
    );
  });
}

export async function provenance(flake: string, env: NodeJS.ProcessEnv = process.env): Promise<Provenance> {
  const directory = flakeDirectory(flake);
  const ask = async (...args: string[]) => (directory === undefined ? undefined : git(directory, ...args));
  const [tracked, head, changes] = await Promise.all([
    ask("ls-files", "--error-unmatch", "--", "flake.nix"), // in a repository that ignores it, the commit says nothing of it
    ask("rev-parse", "--verify", "HEAD"),
    ask("status", "--porcelain", "--untracked-files=normal", "--", "."),
  ]);
  const commit = tracked === undefined ? undefined : head;
  return {
    commit: commit ?? null,
    dirty: commit === undefined || changes === undefined ? null : changes !== "",
    by: actor(env, () => `${userInfo().username}@${hostname()}`),
  };
}
