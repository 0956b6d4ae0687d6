/**
 * An approval lets one tree into one stack before its time. It is a file that a person signs with a
 * key of the inventory; deployer/approval.ts signs and verifies.
 */
import * as z from "zod";
import { listNames } from "../lib/names.ts";
import { APPROVE, approvers, mayApprove } from "./promotion-checks.ts";
import type { Inventory } from "./schema.ts";

/** Namespace of the signatures (`ssh-keygen -Y`): a signature for anything else is not an approval. */
export const NAMESPACE = "pantheros-promotion";

/** So that a forgotten file does not count for long. */
export const MAX_APPROVAL_DAYS = 7;
/** By how much the signer's clock may be ahead of the runner's. */
const MAX_SKEW_SECONDS = 300;

const time = z.iso.datetime();

const approval = z.strictObject({
  schemaVersion: z.literal(1),
  /** `PROJECT/STACK`. */
  stack: z.string().min(1),
  /** Git's id of the flake's directory. */
  tree: z.string().regex(/^[0-9a-f]{40,64}$/, "not a tree of Git"),
  by: z.string().min(1),
  reason: z.string().min(1).max(300),
  /**
   * `checked`: the stack before must have had the tree. `unread`: its outputs cannot be read, and the
   * signer vouches for the tree.
   */
  origin: z.enum(["checked", "unread"]),
  created: time,
  expires: time,
});
export type Approval = z.infer<typeof approval>;

const signedApproval = z.strictObject({
  approval,
  signature: z.string().startsWith("-----BEGIN SSH SIGNATURE-----"),
});
export type SignedApproval = z.infer<typeof signedApproval>;

/** The signed text. The order of the fields is fixed. */
export const approvalText = (given: Approval): string => {
  const { schemaVersion, stack, tree, by, reason, origin, created, expires } = given;
  return `${JSON.stringify({ schemaVersion, stack, tree, by, reason, origin, created, expires })}\n`;
};

/** @throws Error with the key that is wrong */
export function parseApproval(text: string): SignedApproval {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("not JSON");
  }
  const result = signedApproval.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    result.error.issues
      .map(({ path, message }) => `${path.map(String).join(".") || "the file"}: ${message}`)
      .join("; "),
  );
}

/** What a run deploys, and when. */
export interface ApprovedRun {
  readonly inventory: Inventory;
  /** `PROJECT/STACK`. */
  readonly stack: string;
  readonly tree: string;
  readonly now: Date;
}

/** Why an approval does not count for a run; none: it does, when its signature is the user's. */
export function approvalProblems(given: Approval, { inventory, stack, tree, now }: ApprovedRun): string[] {
  const [created, expires] = [Date.parse(given.created), Date.parse(given.expires)];
  const problems: string[] = [];
  if (!Object.hasOwn(inventory.users, given.by)) {
    problems.push(`the inventory has no user "${given.by}"`);
  } else if (!mayApprove(inventory, given.by)) {
    problems.push(
      `the role of ${given.by} lacks the capability "${APPROVE}"; those who may approve: ${listNames(approvers(inventory))}`,
    );
  }
  if (given.stack !== stack) problems.push(`it is for the stack ${given.stack}, not for ${stack}`);
  if (given.tree !== tree) {
    problems.push(`it is for tree ${given.tree.slice(0, 12)}, and this is tree ${tree.slice(0, 12)}`);
  }
  if (expires <= now.getTime()) problems.push(`it expired at ${given.expires}`);
  if (created > now.getTime() + MAX_SKEW_SECONDS * 1000) {
    problems.push(`it was signed at ${given.created}, which is later than now: compare the clocks`);
  }
  if (expires - created > MAX_APPROVAL_DAYS * 86_400_000) {
    problems.push(`it would count for more than ${MAX_APPROVAL_DAYS} days`);
  }
  return problems;
}
