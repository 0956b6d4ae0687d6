import { runQuery } from "../deployer/process/child.ts";

/** A repository on a dead network drive must not keep a run from being recorded. */
const GIT_SECONDS = 5;
const MAX_OUTPUT_BYTES = 1 << 20;

/** The commit of a checkout, and whether it has changes; empty outside of Git. */
export async function readCommit(
  root: string,
): Promise<{ readonly commit?: string; readonly dirty?: boolean }> {
  const git = (...args: string[]) =>
    runQuery({
      argv: ["git", "-c", "safe.directory=*", "-C", root, ...args],
      timeoutSeconds: GIT_SECONDS,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    });
  const head = await git("rev-parse", "HEAD");
  if (head.exitCode !== 0) return {};
  const status = await git("status", "--porcelain", "--untracked-files=no");
  return { commit: head.stdout.trim(), dirty: status.stdout.trim() !== "" };
}
