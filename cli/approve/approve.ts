/** Signs an approval: this checkout's tree may be deployed to a stack before the stack before has confirmed it. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  agentKeys,
  isSameKey,
  publicKeyIn,
  signApproval,
  signatureProblem,
} from "../../deployer/approval.ts";
import { readCheckout } from "../../deployer/checkout.ts";
import { type Approval, MAX_APPROVAL_DAYS, type SignedApproval } from "../../inventory/approval.ts";
import { loadInventory } from "../../inventory/load.ts";
import { APPROVE, approvers, mayApprove } from "../../inventory/promotion-checks.ts";
import type { Inventory } from "../../inventory/schema.ts";
import { entryOf } from "../../lib/entry-of.ts";
import { firstNames, listNames } from "../../lib/names.ts";
import { RunError } from "../../lib/run-error.ts";
import { printable } from "../../lib/sanitize.ts";
import { UsageError } from "../exit-codes.ts";
import { projectName, readStackSettings } from "../stack/config.ts";
import { type StackOptions, stackName } from "../stack/name.ts";

export interface ApproveOptions extends StackOptions {
  readonly reason: string;
  /** Seconds. */
  readonly expires: number;
  readonly key?: string | undefined;
  readonly unread?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

/** `30m`, `4h`, `2d` -> seconds. @throws UsageError for any other text, and for more than seven days */
export function parseDuration(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? 0);
  if (seconds > 0 && seconds <= MAX_APPROVAL_DAYS * 86_400) return seconds;
  throw new UsageError(
    `--expires ${text}: use a number and m, h or d, such as 4h; at most ${MAX_APPROVAL_DAYS}d`,
  );
}

/** The users whose key this is. */
const ownersOf = (inventory: Inventory, publicKey: string): string[] =>
  Object.entries(inventory.users)
    .filter(([, { authorizedKeys }]) => authorizedKeys.some((key) => isSameKey(key, publicKey)))
    .map(([name]) => name);

/**
 * The user of a key who may approve.
 * @throws RunError that names the users who may
 */
export function approverOf(
  inventory: Inventory,
  publicKeys: readonly string[],
  where: string,
): {
  readonly user: string;
  readonly publicKey: string;
} {
  const owned = publicKeys.flatMap((publicKey) =>
    ownersOf(inventory, publicKey).map((user) => ({ user, publicKey })),
  );
  const found = owned.find(({ user }) => mayApprove(inventory, user));
  if (found !== undefined) return found;
  const names = approvers(inventory);
  const who =
    names.length === 0
      ? `no user has a role with the capability "${APPROVE}" and a key`
      : `those who may are ${listNames(names)}`;
  const why =
    owned.length === 0
      ? `${where} is not a key of a user of the inventory ([users.NAME] authorized_keys)`
      : `${where} belongs to ${firstNames([...new Set(owned.map(({ user }) => user))])}, whose role may not approve`;
  throw new RunError(`${why}; ${who}`);
}

/** The key that signs: a file, or a public key of the agent. */
function publicKeysOf(key: string | undefined): { readonly keys: string[]; readonly where: string } {
  if (key === undefined) {
    const keys = agentKeys();
    if (keys.length === 0) throw new UsageError("no SSH agent with a key: name a key file with --key");
    return { keys, where: "no key of the SSH agent is one that may: it" };
  }
  if (!existsSync(key)) throw new UsageError(`--key ${key}: no such file`);
  const beside = `${key}.pub`;
  const text = key.endsWith(".pub") ? readFileSync(key, "utf8") : undefined;
  const line = text ?? (existsSync(beside) ? readFileSync(beside, "utf8") : publicKeyIn(key));
  if (line === undefined) throw new UsageError(`--key ${key}: ssh-keygen cannot read it`);
  return { keys: [line], where: key };
}

function sign(approval: Approval, key: string | undefined, publicKey: string): SignedApproval {
  if (key !== undefined) return signApproval(approval, key);
  const directory = mkdtempSync(path.join(tmpdir(), "pantheros-approve-"));
  try {
    const file = path.join(directory, "key.pub");
    writeFileSync(file, `${publicKey.trim()}\n`);
    return signApproval(approval, file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns the exit code */
export async function approve(options: ApproveOptions, root: string): Promise<number> {
  const cwd = process.cwd();
  const stack = stackName(options, { env: process.env, root, cwd });
  const reason = printable(options.reason).replace(/\s+/g, " ").trim();
  if (reason === "" || reason.length > 300)
    throw new UsageError("--reason needs a text of at most 300 characters");
  const key = options.key === undefined ? undefined : path.resolve(cwd, options.key);
  process.chdir(root);
  const settings = await readStackSettings(stack, root);
  const inventory = loadInventory(settings.fleetFile);
  if (entryOf(inventory.promotion, settings.environment) === undefined) {
    throw new RunError(
      `${settings.fleetFile}: promotion.${settings.environment}: there is no such table, so the stack needs no approval`,
    );
  }
  const { tree, changes } = await readCheckout(settings.flake);
  if (tree === null)
    throw new RunError(`${settings.flake} is not in a Git repository, so it has no tree to approve`);
  if (changes.length > 0) {
    throw new RunError(
      `${settings.flake} has files that are not committed: ${firstNames(changes)}; commit or remove them, because only a committed tree is approved`,
    );
  }
  const { keys, where } = publicKeysOf(key);
  const { user, publicKey } = approverOf(inventory, keys, where);
  const created = new Date();
  const approval: Approval = {
    schemaVersion: 1,
    stack: `${projectName(root)}/${stack.short}`,
    tree,
    by: user,
    reason,
    origin: options.unread === true ? "unread" : "checked",
    created: created.toISOString(),
    expires: new Date(created.getTime() + options.expires * 1000).toISOString(),
  };
  const signed = sign(approval, key, publicKey);
  const problem = signatureProblem(signed, entryOf(inventory.users, user)?.authorizedKeys ?? []);
  if (problem !== undefined) throw new RunError(problem);
  const text = `${JSON.stringify(signed, null, 2)}\n`;
  mkdirSync(path.dirname(settings.approvalFile), { recursive: true });
  writeFileSync(settings.approvalFile, text);
  process.stdout.write(options.json === true ? text : summary(signed, settings.approvalFile));
  return 0;
}

const summary = ({ approval }: SignedApproval, file: string): string => {
  const { by, stack, tree, expires, origin } = approval;
  const skipped =
    origin === "unread"
      ? "while the outputs of the stack before cannot be read"
      : "before it is confirmed for its time";
  return (
    `${by} approves tree ${tree.slice(0, 12)} for ${stack} ${skipped}, until ${expires}\n` +
    `wrote ${file}: \`up\` of that stack reads it; commit it for runs in other checkouts\n`
  );
};
