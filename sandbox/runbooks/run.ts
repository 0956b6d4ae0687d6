/** Rehearses runbooks in the running sandbox, one after the other. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Inventory } from "../../inventory/schema.ts";
import { messageOf } from "../../lib/message-of.ts";
import { layoutOf } from "../cli/layout.ts";
import { ensureSecrets } from "../cli/secrets.ts";
import type { Shown } from "../cli/stream.ts";
import { attempt } from "../machines/command.ts";
import { sandboxFromEnvironment } from "../machines/context.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { withLock } from "../machines/lock.ts";
import { makeFleet, rehearsalFiles } from "./fleet.ts";
import { removeMark, writeMark } from "./mark.ts";
import { rehearse, summaryOf } from "./rehearse.ts";
import { type RehearsalResult, resultsDirectory, sandboxResultsDirectory, writeResult } from "./result.ts";
import { targetOf } from "./targets.ts";
import type { Runbook, World } from "./types.ts";
import { sandboxWorld, seedDumpSecrets } from "./world.ts";

/** Time in which the last step's effects must show, and the time between two checks. */
const SETTLE_MS = 60_000;
const PAUSE_MS = 1000;

export interface RehearsalOptions {
  /** Has the targets. */
  readonly inventory: Pick<Inventory, "budgets">;
  /** Where the output of steps goes, and `print`'s lines. */
  readonly shown: Shown;
  readonly print: (line: string) => void;
}

/** Brings the sandbox up with the fleet of the rehearsals; what an earlier one broke is repaired. */
async function ready(context: SandboxContext, world: World): Promise<void> {
  await makeFleet(context.repository, rehearsalFiles(context.directory));
  ensureSecrets(layoutOf(context.directory));
  seedDumpSecrets(context.directory);
  await world.type("tools/pantheros sandbox up");
}

/** The checkout's commit; undefined outside of Git. */
async function headCommit(repository: string): Promise<string | undefined> {
  const argv = ["git", "-C", repository, "rev-parse", "--verify", "--quiet", "HEAD"];
  const { code, stdout } = await attempt(argv, { step: "git" });
  return code === 0 ? stdout.trim() : undefined;
}

/**
 * Aborts at SIGINT or SIGTERM. The command that runs then gets the signal too, and ends in an orderly way; a Pulumi that
 * was left behind would hold the state's lock.
 */
function interruptions(): AbortSignal {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(new Error("interrupted; the next rehearsal, or make sandbox, repairs the sandbox"));
  process.once("SIGINT", abort).once("SIGTERM", abort);
  return controller.signal;
}

/** Types nothing more after an interruption. */
const interruptible = (world: World, signal: AbortSignal): World => ({
  ...world,
  async type(line) {
    signal.throwIfAborted();
    await world.type(line);
    signal.throwIfAborted();
  },
});

/** Rehearses the runbooks in their order, and keeps each result. @throws Error when it is interrupted */
export async function rehearseAll(
  runbooks: readonly Runbook[],
  { inventory, shown, print }: RehearsalOptions,
): Promise<readonly RehearsalResult[]> {
  const repository = resolve(import.meta.dirname, "../..");
  const context = sandboxFromEnvironment(repository, process.env, print);
  const interruption = interruptions();
  const world = interruptible(sandboxWorld(context, shown), interruption);
  const commit = await headCommit(repository);
  const directory = resultsDirectory();
  mkdirSync(context.directory, { recursive: true, mode: 0o700 });
  return withLock(`${context.directory}/rehearsal/lock`, 1, async () => {
    const results: RehearsalResult[] = [];
    let isReady = false;
    for (const runbook of runbooks) {
      print(`${runbook.name}: ${runbook.title}`);
      const prepare = async () => {
        if (!isReady) await ready(context, world);
        await runbook.prepare?.(world);
        writeMark(context.directory, { name: runbook.name, removing: false });
      };
      const result = await rehearse(
        { ...runbook, prepare },
        {
          world,
          print,
          now: Date.now,
          pause: async () => {
            interruption.throwIfAborted();
            await new Promise((done) => setTimeout(done, PAUSE_MS));
          },
          settleMs: SETTLE_MS,
          targetSeconds: targetOf(inventory, runbook.name)?.seconds,
          commit,
        },
      );
      // An interrupted rehearsal has no result: it says nothing of the runbook.
      interruption.throwIfAborted();
      isReady = result.passed;
      if (result.passed) removeMark(context.directory);
      results.push(result);
      print(summaryOf(result));
      try {
        print(`kept in ${writeResult(directory, result)}`);
        writeResult(sandboxResultsDirectory(context.directory), result);
      } catch (error) {
        print(`the result could not be kept: ${messageOf(error)}`);
      }
    }
    return results;
  });
}
