/**
 * Brings the state and the vendors together again: `node tools/recovery/main.ts [pulumi options such as --stack NAME]`.
 *
 * - Creations that a killed run left pending: those whose object exists become resources of the stack and are read, the others are
 *   forgotten.
 * - Adopted resources that an earlier recovery could not read are read, and those whose change was interrupted.
 * - 1Password items that somebody deleted, which stop every refresh, leave the state, so that the next `up` makes them again.
 * - CAA records of earlier releases get the form in which they can be read.
 * - With `--search` first: what was made while its answer was lost is taken over (lost.ts), and everything is read, since a change
 *   whose answer was lost would be made once more.
 *
 * Nothing is changed before every vendor has answered. Then the new state is written in one piece, with what was adopted marked as not
 * read; when reading fails, the marks stay and the next recovery goes on there. The former state is never put back: `stack import` drops
 * pending operations, and with them all knowledge of what may exist.
 *
 * Runs inside tools/pulumi, with its environment. Exit code 0: nothing is pending or unread any more.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { nameOfUrn } from "../../lib/urn.ts";
import {
  adopt,
  type Exported,
  forget,
  notRead,
  pendingCreations,
  pendingUpdates,
  providerInputs,
  stackOption,
} from "./deployment.ts";
import { type Finding, find } from "./finders.ts";
import { recoverLost } from "./lost.ts";
import { lostItems, withNumericFlags } from "./repairs.ts";
import { vendorsFrom } from "./vendors.ts";

const MINUTES = 10;
const say = (line: string) => process.stderr.write(`tools/pulumi: ${line}\n`);

const given = process.argv.slice(2);
const search = given[0] === "--search";
const rest = search ? given.slice(1) : given;
process.exitCode = await attempt((scratch) => repair(scratch, rest), "; the state was not changed");
if (search && process.exitCode === 0) {
  process.exitCode = await attempt((scratch) => searchLost(scratch, rest));
}

/** Runs a part with a directory for its files, which goes again; the exit code. */
async function attempt(part: (scratch: string) => Promise<boolean>, consequence = ""): Promise<number> {
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-recovery-"));
  try {
    return (await part(scratch)) ? 0 : 1;
  } catch (error) {
    say(`recovery: ${error instanceof Error ? error.message : String(error)}${consequence}`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function searchLost(scratch: string, options: readonly string[]): Promise<boolean> {
  const vendors = vendorsFrom(process.env);
  if (!(await recoverLost({ vendors, scratch, say, pulumi: output }, options))) return false;
  say("reading every resource at its vendor");
  return refresh(options);
}

async function repair(scratch: string, options: readonly string[]): Promise<boolean> {
  const stack = stackOption(options);
  const before = path.join(scratch, "before.json");
  if (!pulumi(["stack", "export", "--file", before, ...stack])) return false;
  const { state, unread } = await recovered(JSON.parse(readFileSync(before, "utf8")) as Exported);
  if (state !== undefined) {
    const after = path.join(scratch, "after.json");
    writeFileSync(after, JSON.stringify(state), { mode: 0o600 });
    if (!pulumi(["stack", "import", "--file", after, ...stack])) return false;
  }
  if (unread.length === 0) return true;
  const refreshed = refresh([...unread.flatMap((urn) => ["--target", urn]), ...options]);
  if (!refreshed) {
    say(
      "adopted objects could not be read: they are in the state, marked, and the next recovery reads them first",
    );
  }
  return refreshed;
}

interface Recovered {
  /** The state to write; undefined: as it is. */
  readonly state: Exported | undefined;
  /** URNs of what has to be read. */
  readonly unread: readonly string[];
}

/** Asks the vendors, and says what it found. */
async function recovered(exported: Exported): Promise<Recovered> {
  const vendors = vendorsFrom(process.env);
  const pending = pendingCreations(exported);
  const found = new Map<string, string>();
  if (pending.length > 0)
    say(`an earlier run was stopped while ${pending.length} object(s) were being created: looking for them`);
  for (const resource of pending) {
    const finding = await find(vendors, providerInputs(exported, resource), resource);
    if (finding.kind === "found") found.set(resource.urn, finding.id);
    say(`  ${nameOfUrn(resource.urn)}: ${inWords(finding)}`);
  }
  const lost = lostItems(exported, vendors);
  for (const reason of lost.unanswered) say(`1Password was not asked which items are gone: ${reason}`);
  for (const urn of lost.urns)
    say(`  ${nameOfUrn(urn)}: deleted in 1Password; taken out of the state, the next up makes it again`);
  const { state, changed } = withNumericFlags(forget(adopt(exported, found), lost.urns));
  for (const urn of changed) say(`  ${nameOfUrn(urn)}: CAA flags are a number now`);
  const isChanged = pending.length > 0 || lost.urns.size > 0 || changed.length > 0;
  return {
    state: isChanged ? state : undefined,
    unread: [...new Set([...notRead(state), ...pendingUpdates(exported)])],
  };
}

function inWords(finding: Finding): string {
  if (finding.kind === "found") return `adopted ${finding.id}`;
  return finding.kind === "removed" ? `removed ${finding.what}` : "not there";
}

function refresh(options: readonly string[]): boolean {
  return pulumi(["refresh", "--yes", "--skip-preview", "--suppress-outputs", ...options]);
}

function pulumi(args: readonly string[]): boolean {
  return output(args) !== undefined;
}

/** Runs the CLI; its standard output. Undefined: it failed, and what it said is shown. */
function output(args: readonly string[]): string | undefined {
  const result = spawnSync("pulumi", [...args, "--non-interactive", "--color", "never"], {
    encoding: "utf8",
    timeout: MINUTES * 60_000,
    maxBuffer: 2 ** 28,
  });
  if (result.status !== 0) {
    say(`pulumi ${args.slice(0, 2).join(" ")}: ${result.error?.message ?? `exit code ${result.status}`}`);
    process.stderr.write(
      `${args.includes("--json") ? errorsIn(result.stdout) : result.stdout}${result.stderr}`,
    );
  }
  return result.status === 0 ? result.stdout : undefined;
}

/** What a command that speaks JSON told of its failure; the rest of it is no reading. */
function errorsIn(stdout: string): string {
  try {
    const { diagnostics = [] } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
      diagnostics?: { readonly severity?: string; readonly message?: string }[];
    };
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    return errors.map(({ message }) => `${message?.trimEnd()}\n`).join("");
  } catch {
    return stdout;
  }
}
