/** Origin of a deploy: the flake's commit, whether its directory has uncommitted changes, and who started the run. */
import { hostname, userInfo } from "node:os";
import type { Checkout } from "../deployer/checkout.ts";

export interface Provenance {
  /** null: the flake is not in a Git repository. */
  readonly commit: string | null;
  /** The flake's directory has uncommitted changes. */
  readonly dirty: boolean | null;
  readonly by: string;
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
  /** User of the inventory who approved this deploy before its time. */
  readonly approvedBy?: string | undefined;
}

/** The supervisor keeps at most this many characters. */
const MAX_ACTOR_CHARACTERS = 128;

export function provenance(
  { commit, dirty }: Pick<Checkout, "commit" | "dirty">,
  { env = process.env, approvedBy }: ProvenanceOptions = {},
): Provenance {
  const suffix = approvedBy === undefined ? "" : `, approved by ${sanitize(approvedBy)}`;
  const by = actor(env, () => `${userInfo().username}@${hostname()}`);
  return { commit, dirty, by: by.slice(0, MAX_ACTOR_CHARACTERS - suffix.length) + suffix };
}
