/** Evaluates hosts in several processes of Nix within the limits of memory and time. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FailedCommand } from "./errors.ts";
import { isOutOfMemory } from "./errors.ts";
import { chunksOf, type EvaluationLimits, heapVariables } from "./limits.ts";
import { type EvaluationSource, nixEval } from "./nix-eval.ts";
import type { EvaluatedTarget } from "./target.ts";

/** One process of Nix that has ended. */
export interface EvaluationProcess {
  readonly hosts: readonly string[];
  /** The output that it evaluated. */
  readonly attribute: string;
  /** From its start to its end. */
  readonly seconds: number;
  /** Nix's own statistics as JSON (Nix manual, NIX_SHOW_STATS); "" when the process did not write them. */
  readonly statistics: string;
}

export interface Work {
  readonly source: EvaluationSource;
  /** In the order of their evaluation. */
  readonly hosts: readonly string[];
  readonly limits: EvaluationLimits;
  /** Seconds until the time limit of the whole evaluation. */
  readonly secondsLeft: () => number;
  readonly onTarget: (host: string, found: EvaluatedTarget) => Promise<void>;
  /** The host itself has an error. */
  readonly onError: (host: string, failed: FailedCommand) => void;
  /** The host needs more memory or time than the limits allow. */
  readonly onLimit: (host: string, failed: FailedCommand) => void;
  /** The output itself can't be read. An error that this throws ends the work. */
  readonly onUnreadable: (hosts: readonly string[], failed: FailedCommand) => void;
  /** Called when a process has ended; without it no statistics are kept. */
  readonly onProcess?: ((ended: EvaluationProcess) => void) | undefined;
}

/** Returns when every host has had one of the calls. */
export async function evaluateHosts(work: Work): Promise<void> {
  const { hosts, limits } = work;
  const { workers, memoryMb } = limits;
  const chunks = chunksOf(hosts, limits);
  const large: string[] = [];
  const worker = async () => {
    try {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        large.push(...(await evaluateChunk(work, chunk, memoryMb / workers)));
      }
    } finally {
      chunks.length = 0; // after an error the other workers stop too
    }
  };
  // No process is left when an error is reported.
  const ended = await Promise.allSettled(Array.from({ length: workers }, worker));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
  // A host that needs more than one process's share is evaluated alone, with all the memory.
  for (const host of large) await evaluateChunk(work, [host], memoryMb);
}

/** Evaluates some hosts. Returns those that ran out of memory and can still be given more. */
async function evaluateChunk(work: Work, chunk: readonly string[], memoryMb: number): Promise<string[]> {
  const large: string[] = [];
  let waiting = chunk;
  while (waiting.length > 0) {
    const ran = await runNix(work, waiting, memoryMb);
    const [failed, ...after] = ran.left;
    if (failed === undefined) break;
    if (ran.timedOut) for (const host of ran.left) work.onLimit(host, ran);
    else if (!ran.begun) work.onUnreadable(ran.left, ran);
    if (ran.timedOut || !ran.begun) break;
    // The next process starts after the failed host; or with it, when the hosts before it may have
    // used the memory.
    const isFirst = failed === waiting[0];
    waiting = isOutOfMemory(ran) && !isFirst ? ran.left : after;
    if (!isOutOfMemory(ran)) work.onError(failed, ran);
    else if (isFirst && memoryMb < work.limits.memoryMb) large.push(failed);
    else if (isFirst) work.onLimit(failed, ran);
  }
  return large;
}

/**
 * Runs Nix once. `left` of the result lists the hosts without a result: the failed one and those
 * after it.
 */
async function runNix(work: Work, hosts: readonly string[], memoryMb: number) {
  const left = new Set(hosts);
  const finished: Promise<void>[] = [];
  const statistics = work.onProcess && (await mkdtemp(join(tmpdir(), "pantheros-statistics-")));
  const begin = performance.now();
  const ran = await nixEval({
    source: work.source,
    hosts,
    timeoutSeconds: work.secondsLeft(),
    env: { ...heapVariables(memoryMb), ...(statistics !== undefined && statisticsVariables(statistics)) },
    onHost: (host, found) => {
      left.delete(host);
      if ("malformed" in found) {
        work.onError(host, { exitCode: 0, timedOut: false, stderr: found.malformed });
      } else finished.push(work.onTarget(host, found.target));
    },
  });
  const seconds = (performance.now() - begin) / 1000;
  await Promise.all(finished);
  if (statistics !== undefined) {
    const { attribute } = work.source;
    work.onProcess?.({ hosts, attribute, seconds, statistics: await takeStatistics(statistics) });
  }
  return { ...ran, left: [...left] };
}

const STATISTICS = "statistics.json";

const statisticsVariables = (directory: string): Record<string, string> => ({
  NIX_SHOW_STATS: "1",
  NIX_SHOW_STATS_PATH: join(directory, STATISTICS),
});

async function takeStatistics(directory: string): Promise<string> {
  const text = await readFile(join(directory, STATISTICS), "utf8").catch(() => "");
  await rm(directory, { recursive: true, force: true });
  return text;
}
