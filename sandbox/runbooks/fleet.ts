/**
 * The fleet of a rehearsal: the sandbox's, with what the runbooks need besides. It is a Git repository of its own, so
 * that a rehearsal commits, reverts and clones it as a person does.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { run } from "../machines/command.ts";

/** Hosts of the sandbox's fleet, and what they have there. */
export const WEB = "web";
export const DB = "db";
export const DATABASE = "notes";
export const DUMP_BUCKET = "sandbox-postgres-dumps";
export const CACHE_BUCKET = "sandbox-nix-cache";
/** Where hosts download from, and where deploys push to: ports of sandbox/vendors/s3. */
export const CACHE_URL = `http://198.51.100.1:9000/${CACHE_BUCKET}`;
export const CACHE_PUSH = `http://127.0.0.1:9002/${CACHE_BUCKET}?compression=zstd`;
/** The item with what encrypts and stores dumps. */
export const DUMP_SECRETS = {
  "backup-password": "op://sandbox/dumps/password",
  "b2-dumps": "op://sandbox/dumps/credential",
} as const;
/** A secret that the database's host reads by itself, with its service account. */
export const GREETING = `op://sandbox-hosts/${DB}/greeting`;

type Table = Record<string, unknown>;

/** The table at a path. @throws Error without it */
function tableAt(root: Table, ...keys: readonly string[]): Table {
  let found: Table = root;
  for (const key of keys) {
    const next = found[key];
    if (typeof next !== "object" || next === null)
      throw new Error(`sandbox/nix/fleet.toml: no table [${keys.join(".")}]; a rehearsal needs it`);
    found = next as Table;
  }
  return found;
}

/** The inventory of a rehearsal, from the sandbox's: a cache in a bucket, a database with dumps, a service with a secret. */
export function rehearsalInventory(text: string): string {
  const fleet: Table = parse(text);
  Object.assign(tableAt(fleet, "cache"), { url: CACHE_URL, push: CACHE_PUSH });
  tableAt(fleet, "buckets", "cache")["public_read"] = true;
  tableAt(fleet, "hosts", DB, "extra")["databases"] = [DATABASE];
  tableAt(fleet, "services", "database")["options"] = { secret: GREETING };
  for (const [name, reference] of Object.entries(DUMP_SECRETS))
    tableAt(fleet, "secrets")[name] = { reference, hosts: [DB] };
  return stringify(fleet);
}

/** Changes a host's message of the day. */
export function withMessage(text: string, host: string, motd: string): string {
  const fleet: Table = parse(text);
  tableAt(fleet, "hosts", host, "extra")["motd"] = motd;
  return stringify(fleet);
}

/** Directories of a rehearsal, below the sandbox's. */
export interface RehearsalFiles {
  readonly checkout: string;
  readonly origin: string;
  readonly inventory: string;
  /** Copies of dumps, as at a second vendor. */
  readonly copies: string;
}

export function rehearsalFiles(sandbox: string): RehearsalFiles {
  const checkout = join(sandbox, "rehearsal", "checkout");
  return {
    checkout,
    origin: join(sandbox, "rehearsal", "origin.git"),
    inventory: join(checkout, "nix", "fleet.toml"),
    copies: join(sandbox, "rehearsal", "copies"),
  };
}

/** Runs git in the checkout. */
const git = (files: Pick<RehearsalFiles, "checkout">, ...words: readonly string[]): Promise<string> =>
  run(["git", "-C", files.checkout, ...words], { step: `git ${words[0]}` });

/** Commits all of the checkout and pushes it. */
export async function commit(files: Pick<RehearsalFiles, "checkout">, message: string): Promise<void> {
  await git(files, "add", "--all");
  await git(files, "commit", "--quiet", "--allow-empty", "--message", message);
  await git(files, "push", "--quiet", "origin", "HEAD:main");
}

/** Makes the repository and its checkout anew from the sandbox's flake. */
export async function makeFleet(repository: string, files: RehearsalFiles): Promise<void> {
  for (const directory of [files.checkout, files.origin]) rmSync(directory, { recursive: true, force: true });
  mkdirSync(files.checkout, { recursive: true, mode: 0o700 });
  await run(["git", "init", "--quiet", "--bare", "--initial-branch=main", files.origin], {
    step: "git init",
  });
  await run(["git", "init", "--quiet", "--initial-branch=main", files.checkout], { step: "git init" });
  await git(files, "config", "user.name", "rehearsal");
  await git(files, "config", "user.email", "rehearsal@example.test");
  await git(files, "config", "commit.gpgsign", "false");
  await git(files, "remote", "add", "origin", files.origin);
  cpSync(join(repository, "sandbox/nix"), join(files.checkout, "nix"), { recursive: true });
  const text = readFileSync(join(repository, "sandbox/nix/fleet.toml"), "utf8");
  writeFileSync(files.inventory, rehearsalInventory(text));
  await commit(files, "the fleet of the rehearsals");
}
