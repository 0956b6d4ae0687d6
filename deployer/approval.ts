/** Signs and verifies approvals with `ssh-keygen -Y` (OpenSSH's ssh-keygen(1)). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Approval, approvalText, NAMESPACE, type SignedApproval } from "../inventory/approval.ts";
import { oneLine } from "../lib/sanitize.ts";

const SECONDS = 60;

/** A directory of mode 0700 for the files of one call. */
function inDirectory<T>(act: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-approval-"));
  try {
    return act(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `type base64`, without the comment: a comment may have any text. */
const keyOf = (line: string): string => line.trim().split(/\s+/).slice(0, 2).join(" ");

/**
 * Whether one of the keys signed the approval.
 * @param keys public keys of the user that the approval names
 * @returns undefined, or why not
 */
export function signatureProblem(
  { approval, signature }: SignedApproval,
  keys: readonly string[],
): string | undefined {
  if (keys.length === 0) return `${approval.by} has no key in the inventory (authorized_keys)`;
  return inDirectory((directory) => {
    const [signers, file] = [join(directory, "allowed_signers"), join(directory, "signature")];
    // The name is fixed: a pattern of allowed_signers may have wildcards, and a user's name may not choose one.
    writeFileSync(signers, keys.map((key) => `approver namespaces="${NAMESPACE}" ${keyOf(key)}\n`).join(""));
    writeFileSync(file, signature);
    const verify = ["-Y", "verify", "-f", signers, "-I", "approver", "-n", NAMESPACE, "-s", file];
    const { status, stdout, stderr, error } = spawnSync("ssh-keygen", verify, {
      input: approvalText(approval),
      encoding: "utf8",
      timeout: SECONDS * 1000,
    });
    const unstarted = startProblem(error);
    if (unstarted !== undefined) return unstarted;
    if (status === 0) return undefined;
    return `its signature is not of a key of ${approval.by}: ${oneLine(stderr || stdout)}`;
  });
}

/** A program that ends before it has read its input gives EPIPE beside its exit code, which says more. */
const startProblem = (error: NodeJS.ErrnoException | undefined): string | undefined =>
  error === undefined || error.code === "EPIPE" ? undefined : `ssh-keygen did not run: ${error.message}`;

/**
 * Signs with a private key's file, or with a public key whose private half an agent has. ssh-keygen
 * asks for a passphrase on the terminal.
 * @throws Error with ssh-keygen's message
 */
export function signApproval(approval: Approval, key: string): SignedApproval {
  const { status, stdout, stderr, error } = spawnSync(
    "ssh-keygen",
    ["-Y", "sign", "-n", NAMESPACE, "-f", key],
    {
      input: approvalText(approval),
      encoding: "utf8",
    },
  );
  const unstarted = startProblem(error);
  if (unstarted !== undefined) throw new Error(unstarted);
  if (status !== 0) throw new Error(`${key} did not sign: ${oneLine(stderr)}`);
  return { approval, signature: stdout };
}

/** Public keys of the agent, one line each; none without an agent. */
export function agentKeys(): string[] {
  const { status, stdout } = spawnSync("ssh-add", ["-L"], { encoding: "utf8", timeout: SECONDS * 1000 });
  return status === 0 ? stdout.split("\n").filter((line) => line.trim() !== "") : [];
}

/** The public key of a key file; undefined when ssh-keygen cannot read it. */
export function publicKeyIn(file: string): string | undefined {
  const { status, stdout } = spawnSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" });
  return status === 0 ? keyOf(stdout) : undefined;
}

export const isSameKey = (one: string, other: string): boolean => keyOf(one) === keyOf(other);
