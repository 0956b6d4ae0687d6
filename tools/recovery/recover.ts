/**
 * Makes the state agree with the vendors.
 *
 * - Creations that a killed run left pending: those whose object exists are adopted, the others are
 *   dropped.
 * - Resources that were adopted but not read yet, and those whose change was interrupted, are read
 *   at their vendor.
 * - 1Password items that were deleted there leave the state, since they fail every refresh; the
 *   next `up` creates them.
 * - CAA records of earlier releases get the form that the official plugin can read.
 * - With `search`, afterwards: objects whose creation succeeded but whose answer was lost are
 *   imported (unrecorded.ts), and every resource is read, since a change whose answer was lost
 *   would be made a second time.
 *
 * Nothing changes before every vendor has answered. Then the new state is written at once, and what
 * was adopted is marked as not read; if reading fails, the marks stay and the next recovery
 * continues there. The former state is never restored: `stack import` drops pending operations,
 * which are the only record of what may exist.
 *
 * Runs with the environment that tools/pantheros or tools/pulumi has prepared.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runProcess } from "../../deployer/process/runner.ts";
import { messageOf } from "../../lib/message-of.ts";
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
import type { Finding } from "./finder.ts";
import { find } from "./finders.ts";
import { deletedItems, withNumericFlags } from "./repairs.ts";
import { importUnrecorded } from "./unrecorded.ts";
import { vendorsFrom } from "./vendors.ts";

const TIMEOUT_MINUTES = 10;
const MAX_OUTPUT_BYTES = 2 ** 28;
const print = (line: string) => process.stderr.write(`recover: ${line}\n`);

export interface RecoverOptions {
  /**
   * Also searches the vendors for objects whose creation succeeded but whose answer was lost, and
   * reads every resource.
   */
  readonly search: boolean;
  /** Options of the Pulumi CLI, such as `--stack NAME`. */
  readonly options: readonly string[];
}

/** Recovers a stack and returns the exit code; 0: nothing is pending or unread. */
export async function recover({ search, options }: RecoverOptions): Promise<number> {
  const code = await runPart((scratch) => repair(scratch, options), "; the state was not changed");
  return search && code === 0 ? runPart((scratch) => searchUnrecorded(scratch, options)) : code;
}

/** Runs a part with a scratch directory, which is removed afterwards; returns the exit code. */
async function runPart(part: (scratch: string) => Promise<boolean>, consequence = ""): Promise<number> {
  const scratch = mkdtempSync(path.join(tmpdir(), "pantheros-recovery-"));
  try {
    return (await part(scratch)) ? 0 : 1;
  } catch (error) {
    print(`${messageOf(error)}${consequence}`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function searchUnrecorded(scratch: string, options: readonly string[]): Promise<boolean> {
  const vendors = vendorsFrom(process.env);
  if (!(await importUnrecorded({ vendors, scratch, print, pulumi }, options))) return false;
  print("reading every resource at its vendor");
  return refresh(options);
}

async function repair(scratch: string, options: readonly string[]): Promise<boolean> {
  const stack = stackOption(options);
  const before = path.join(scratch, "before.json");
  if ((await pulumi(["stack", "export", "--file", before, ...stack])) === undefined) return false;
  const { state, unread } = await repairedState(JSON.parse(readFileSync(before, "utf8")) as Exported);
  if (state !== undefined) {
    const after = path.join(scratch, "after.json");
    writeFileSync(after, JSON.stringify(state), { mode: 0o600 });
    if ((await pulumi(["stack", "import", "--file", after, ...stack])) === undefined) return false;
  }
  if (unread.length === 0) return true;
  const refreshed = await refresh([...unread.flatMap((urn) => ["--target", urn]), ...options]);
  if (!refreshed) {
    print(
      "adopted objects could not be read: they are in the state, marked, and the next recovery reads them first",
    );
  }
  return refreshed;
}

interface RepairedState {
  /** The state to write; undefined: nothing to change. */
  readonly state: Exported | undefined;
  /** URNs of the resources to read. */
  readonly unread: readonly string[];
}

/** Asks the vendors for pending objects, and prints the findings. */
async function repairedState(exported: Exported): Promise<RepairedState> {
  const vendors = vendorsFrom(process.env);
  const pending = pendingCreations(exported);
  const found = new Map<string, string>();
  if (pending.length > 0)
    print(`an earlier run was stopped while it created ${pending.length} object(s): looking for them`);
  for (const resource of pending) {
    const finding = await find(vendors, providerInputs(exported, resource), resource);
    if (finding.kind === "found") found.set(resource.urn, finding.id);
    print(`  ${nameOfUrn(resource.urn)}: ${findingText(finding)}`);
  }
  const deleted = await deletedItems(exported, vendors);
  for (const reason of deleted.unanswered) print(`1Password items were not checked: ${reason}`);
  for (const urn of deleted.urns)
    print(`  ${nameOfUrn(urn)}: deleted in 1Password; removed from the state, the next up creates it again`);
  const { state, changed } = withNumericFlags(forget(adopt(exported, found), deleted.urns));
  for (const urn of changed) print(`  ${nameOfUrn(urn)}: CAA flags are a number now`);
  const isChanged = pending.length > 0 || deleted.urns.size > 0 || changed.length > 0;
  return {
    state: isChanged ? state : undefined,
    unread: [...new Set([...notRead(state), ...pendingUpdates(exported)])],
  };
}

function findingText(finding: Finding): string {
  if (finding.kind === "found") return `adopted ${finding.id}`;
  return finding.kind === "removed" ? `removed ${finding.what}` : "does not exist";
}

async function refresh(more: readonly string[]): Promise<boolean> {
  const argv = ["refresh", "--yes", "--skip-preview", "--suppress-outputs", ...more];
  return (await pulumi(argv)) !== undefined;
}

/** Runs the CLI and returns its standard output; undefined: it failed, and its output was printed. */
async function pulumi(args: readonly string[]): Promise<string | undefined> {
  const { exitCode, timedOut, stdout, stderr } = await runProcess({
    argv: ["pulumi", ...args, "--non-interactive", "--color", "never"],
    timeoutSeconds: TIMEOUT_MINUTES * 60,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ownGroup: false,
  });
  if (exitCode === 0) return stdout;
  const reason = timedOut ? `not finished after ${TIMEOUT_MINUTES} minutes` : `exit code ${exitCode}`;
  print(`pulumi ${args.slice(0, 2).join(" ")}: ${reason}`);
  process.stderr.write(`${args.includes("--json") ? jsonErrors(stdout) : stdout}${stderr}\n`);
  return undefined;
}

/** The errors in the output of a command with `--json`; the rest of it is long and only for programs. */
function jsonErrors(stdout: string): string {
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
