import { hostname, userInfo } from "node:os";

/** The supervisor keeps at most this many characters. */
export const MAX_ACTOR_CHARACTERS = 128;

/** Without what the supervisor refuses in an argument: quotes, backslashes, control characters. */
export const actorText = (text: string): string =>
  text.replace(/["\\\p{Cc}]/gu, "").slice(0, MAX_ACTOR_CHARACTERS) || "unknown";

/** Who started this process: as the CI system names the user, else USER@MACHINE. */
export function actor(
  env: NodeJS.ProcessEnv = process.env,
  fallback: () => string = () => `${userInfo().username}@${hostname()}`,
): string {
  const ci = [
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "FORGEJO_ACTOR",
    "CI_COMMIT_AUTHOR",
    "BUILDKITE_BUILD_CREATOR",
  ];
  const found = ci.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return actorText(found ?? fallback());
}
